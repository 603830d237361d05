"""Every error that the lab tells its user, in one tree.

    LabError
    +-- UsageError            the command line asks for something that is not there
    +-- ScenarioError         a scenario file is wrong: file, line and field
    +-- TopologyError         compose.yaml says something the local engine does not understand
    +-- ComponentMissing      a server that the machine does not have: the command that installs it
    +-- PortTaken             somebody else listens where the lab must: who
    +-- LabAlreadyUp          one lab at a time in one checkout
    +-- StartFailed           a process ended or did not become ready in time
    +-- ProcessEnded          a process of a lab that was ready ended by itself
    +-- ToxiproxyError        the proxy refused, or did not answer in time
    |   +-- HealFailed        a fault could not be taken out again
    +-- ServiceFaultError     a service did not let a fault be switched on, or did not answer in time
    +-- ProcessFaultError     a process could not be killed, paused, or brought back
    +-- MessageFaultError     a topic did not take the messages of a fault, or not in time
    +-- RunFolderError        runs/ cannot be written
    +-- LoadFailed            the load generator ended early or never began
    +-- QueryError            a query of a dashboard is malformed, too large, or not answered
    +-- LedgerUnreadable      the books of an arm could not be read after the run

A LabError is shown as its message, one to three lines: what is wrong, where, what to do. Everything else is a defect of
the lab and keeps its traceback.
"""


class LabError(Exception):
    """Something the user can put right; the message says how."""

    exit_code = 3


class UsageError(LabError):
    """The command line names something that does not exist."""


class ScenarioError(LabError):
    """A scenario file is malformed or contradicts itself."""


class TopologyError(LabError):
    """compose.yaml holds a key or value that the local engine cannot honour."""


class ComponentMissing(LabError):
    """No provider of a component is on this machine."""


class PortTaken(LabError):
    """A port of the topology is in use by another process."""


class LabAlreadyUp(LabError):
    """A lab of this checkout is running."""


class StartFailed(LabError):
    """A process of the lab ended, or was not ready, within its start time."""


class ProcessEnded(LabError):
    """A process of the lab ended by itself after the lab was ready."""


class ToxiproxyError(LabError):
    """Toxiproxy answered with an error, or not in time."""


class HealFailed(ToxiproxyError):
    """A fault is still in force, or nobody knows whether it is."""


class ServiceFaultError(LabError):
    """A service did not switch a fault on or off, or did not answer in time."""


class ProcessFaultError(LabError):
    """A process was not killed, paused, started again or let go on, or is not ready again in time."""


class MessageFaultError(LabError):
    """Messages of a fault could not be written into a topic, or not be read back."""


class RunFolderError(LabError):
    """The run folder cannot be created or written."""


class LoadFailed(LabError):
    """The load generator ended early or never began."""


class LedgerUnreadable(LabError):
    """The orders, the charges or the bank's list of an arm could not be read."""


class QueryError(LabError):
    """A query is malformed, larger than is answered, or uses what recorded series cannot answer."""
