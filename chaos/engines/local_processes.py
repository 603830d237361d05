"""Kill and pause by plain signals, to children of this lab and to all that they forked.

Postgres' backends lead sessions of their own, so a signal to its process group does not reach them: they are found as
its descendants. A process that dies by SIGKILL loses nothing that it had given to the kernel, so Postgres comes back
with every commit although it runs with fsync=off; what a power cut does is not shown by this.
"""

import os
import signal
from collections.abc import Collection
from contextlib import suppress

import psutil

from chaos.engines.liveness import Identity, descendants, send, send_group, started
from chaos.engines.process_port import Life, Processes
from chaos.engines.processes import Child, Supervisor
from chaos.engines.waiting import until
from chaos.errors import LabError, ProcessFaultError

GONE_WITHIN_S = 2.0
_POLL_S = 0.005


class LocalProcesses(Processes):
    """The children of a supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def names(self) -> Collection[str]:
        """Return every child's name."""
        return self._supervisor.children.keys()

    async def life(self, name: str) -> Life:
        """Return the child's identity and start; raises ProcessFaultError where it does not live."""
        child = self._child(name)
        try:
            began = psutil.Process(child.process.pid).create_time()
        except psutil.Error:
            began = 0.0
        if not child.identity.alive():
            raise ProcessFaultError(f"{name} does not run: {child.obituary()}")
        return Life(f"{child.identity.pid}:{child.identity.started}", began)

    async def kill(self, name: str) -> None:
        """Kill the child and its family, and wait until all of them are gone."""
        child = self._child(name)
        if child.exit_code() is not None:
            return
        child.end_expected = True
        # Stopped first: a postmaster that saw its backends die would answer each client before it dies itself.
        send_group(child.process.pid, signal.SIGSTOP)
        family = descendants([child.process.pid])
        send_group(child.process.pid, signal.SIGKILL)
        send(family, signal.SIGKILL)
        gone = await until(lambda: child.exit_code() is not None and not _alive(family), _POLL_S, GONE_WITHIN_S)
        # The number is the kernel's again: nobody may signal that group any more.
        child.group_ended = child.exit_code() is not None
        if not gone:
            raise ProcessFaultError(f"{name} is not gone {GONE_WITHIN_S:g} s after SIGKILL")

    async def start_again(self, name: str) -> None:
        """Spawn it by the command that it had."""
        child = self._child(name)
        if child.exit_code() is None:
            return
        try:
            self._supervisor.spawn(child.command)
        except LabError as error:
            raise ProcessFaultError(f"{name} cannot be started again: {error}") from error

    async def pause(self, name: str) -> None:
        """Stop the leader first, so that it forks no more; then its family."""
        child = self._child(name)
        if child.exit_code() is not None:
            raise ProcessFaultError(f"{name} has ended, so it cannot be paused: {child.obituary()}")
        send_group(child.process.pid, signal.SIGSTOP)
        send(descendants([child.process.pid]), signal.SIGSTOP)

    async def resume(self, name: str) -> None:
        """Let the family go on, then the leader."""
        child = self._child(name)
        if child.exit_code() is None:
            send(descendants([child.process.pid]), signal.SIGCONT)
            send_group(child.process.pid, signal.SIGCONT)

    def _child(self, name: str) -> Child:
        try:
            return self._supervisor.children[name]
        except KeyError:
            known = ", ".join(self._supervisor.children)
            raise ProcessFaultError(f"the lab has no process {name}; it has {known}") from None


def _alive(family: Collection[Identity]) -> bool:
    """Say whether one of them lives. Orphans are this lab's own by then, and its to reap."""
    for process in family:
        if started(process.pid) is None:
            with suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
    return any(process.alive() for process in family)
