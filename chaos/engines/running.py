"""A lab that is up, as the runner, the recorder and `lab status` see it, whichever engine runs it."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit

from chaos.engines.liveness import descendants
from chaos.engines.local_processes import LocalProcesses
from chaos.engines.process_port import Processes
from chaos.engines.processes import Supervisor
from chaos.engines.state import EngineName
from chaos.engines.topology import Link
from chaos.errors import TopologyError
from chaos.run import Component


@dataclass(frozen=True)
class RunningService:
    """A service of ours: `name` as in compose.yaml (bank-a), `service` without its slot (bank), `url` its own door.

    `pid` is 0 where it is no process of this machine that we know of.
    """

    name: str
    service: str
    arm: str | None
    url: str
    pid: int


@dataclass(kw_only=True)
class RunningLab(ABC):
    """What runs and how to reach it. `ready_s` is from the start to the last readiness; `stop_s` is set at the end.

    `mark` is in the environment of every process that belongs to it: by it the next start finds what was left.
    """

    engine: EngineName
    mark: str
    components: tuple[Component, ...]
    services: tuple[RunningService, ...]
    links: tuple[Link, ...]
    toxiproxy_url: str
    ready_s: float
    stop_s: float | None = None

    def database_url(self, arm: str) -> str:
        """Return the URL of an arm's database, past Toxiproxy; raises TopologyError where the arm has none."""
        return self.direct_url(arm, "postgresql")

    def direct_url(self, arm: str, scheme: str) -> str:
        """Return where an arm's first link of this scheme ends, past Toxiproxy; raises TopologyError."""
        for link in self.links:
            if link.arm == arm and link.url and urlsplit(link.url).scheme == scheme:
                return link.direct_url
        raise TopologyError(f"the arm {arm} has no link to a {scheme} server")

    def service_url(self, arm: str, service: str) -> str:
        """Return the URL of one service of one arm; raises TopologyError where it is not there."""
        for running in self.services:
            if (running.arm, running.service) == (arm, service):
                return running.url
        raise TopologyError(f"the arm {arm} has no service {service}")

    def shared_url(self, service: str) -> str | None:
        """Return the URL of a service that all arms share, None where it is not there."""
        return next((one.url for one in self.services if one.arm is None and one.service == service), None)

    def process_names(self, service: str, arms: Iterable[str]) -> dict[str | None, str]:
        """Return who plays a service, by arm; under None where all arms share it. Names are those of compose.yaml."""
        wanted = set(arms)
        own: dict[str | None, str] = {
            one.arm: one.name for one in self.services if one.service == service and one.arm in wanted
        }
        return own or {None: service}

    @property
    @abstractmethod
    def processes(self) -> Processes:
        """Return what a fault may do to the lab's processes."""

    def pids_with_own(self) -> tuple[int, ...]:
        """Return the lab's own process and all of `pids`."""
        return (os.getpid(), *self.pids())

    @abstractmethod
    def pids(self) -> tuple[int, ...]:
        """Return every living process of the lab but the lab itself; empty where this machine does not show them."""

    @abstractmethod
    def left_running(self) -> tuple[str, ...]:
        """Return, after the stop, what could not be ended."""

    @abstractmethod
    async def watch(self) -> NoReturn:
        """Run beside a scenario: raises ProcessEnded as soon as something ends that nobody ended on purpose."""


@dataclass(kw_only=True)
class LocalLab(RunningLab):
    """A lab of plain processes, all of them children of this one."""

    supervisor: Supervisor

    @property
    def processes(self) -> Processes:
        """Return the children, as a fault meets them."""
        return LocalProcesses(self.supervisor)

    def pids(self) -> tuple[int, ...]:
        """Return the children that live, and what they forked (Postgres) included."""
        children = [child.identity for child in self.supervisor.children.values() if child.exit_code() is None]
        family = {child.pid for child in children} | _pids_below(child.pid for child in children)
        return tuple(sorted(family))

    def left_running(self) -> tuple[str, ...]:
        """Return the pids that outlived even SIGKILL."""
        return tuple(str(one.pid) for one in self.supervisor.survivors)

    async def watch(self) -> NoReturn:
        """Look at every child, twenty times a second."""
        await self.supervisor.watch()


def _pids_below(roots: Iterable[int]) -> set[int]:
    return {process.pid for process in descendants(roots)}
