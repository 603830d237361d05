"""A lab that is up, as the runner, the recorder and `lab status` see it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit

from chaos.engines.liveness import descendants
from chaos.engines.processes import Supervisor
from chaos.engines.topology import Link
from chaos.errors import TopologyError
from chaos.run import Component


@dataclass(frozen=True)
class RunningService:
    """A service of ours: `name` as in compose.yaml (bank-a), `service` without its slot (bank), `url` its own door."""

    name: str
    service: str
    arm: str | None
    url: str
    pid: int


@dataclass
class RunningLab:
    """What runs and how to reach it. `ready_s` is from the start to the last readiness; `stop_s` is set at the end."""

    components: tuple[Component, ...]
    services: tuple[RunningService, ...]
    links: tuple[Link, ...]
    toxiproxy_url: str
    ready_s: float
    supervisor: Supervisor
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

    def pids(self) -> tuple[int, ...]:
        """Return every living process of the lab but the lab itself, what the children forked (Postgres) included."""
        children = [child.identity for child in self.supervisor.children.values() if child.exit_code() is None]
        family = {child.pid for child in children} | _pids_below(child.pid for child in children)
        return tuple(sorted(family))

    async def watch(self) -> NoReturn:
        """Run beside a scenario: raises ProcessEnded as soon as a process ends that nobody ended on purpose."""
        await self.supervisor.watch()


def _pids_below(roots: Iterable[int]) -> set[int]:
    return {process.pid for process in descendants(roots)}
