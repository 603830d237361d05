"""A lab of containers that is up: who watches it, and what is left of it at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from chaos.engines.compose.processes import ComposeProcesses
from chaos.engines.compose.project import Container, Project
from chaos.engines.liveness import started
from chaos.engines.processes import TAIL_LINES
from chaos.engines.running import RunningLab
from chaos.errors import LabError, ProcessEnded, StartFailed


@dataclass(kw_only=True)
class ComposeLab(RunningLab):
    """`since` is when it was ready, seconds since 1970; `end_expected` holds services whose end was asked for.

    `containers` names the container of each service that is up; `pids_since` are the first processes of those that a
    fault has met.
    """

    project: Project
    since: float
    left: list[str]
    containers: Mapping[str, str] = field(default_factory=dict)
    end_expected: set[str] = field(default_factory=set)
    pids_since: dict[str, int] = field(default_factory=dict)

    @property
    def processes(self) -> ComposeProcesses:
        """Return what a fault may be done to."""
        return ComposeProcesses(self.project, self.containers, self.end_expected, self.pids_since)

    def pids(self) -> tuple[int, ...]:
        """Return the first process of each of our services' containers, where this machine shows them (Linux)."""
        shown = (self.pids_since.get(one.name, one.pid) for one in self.services if one.pid)
        return tuple(pid for pid in shown if started(pid) is not None)

    def left_running(self) -> tuple[str, ...]:
        """Return the containers that `docker compose down` left, and its words."""
        return tuple(self.left)

    async def watch(self) -> NoReturn:
        """Hear from Docker of every end of a container: nothing is polled while a run is measured."""
        await watch_ends(self.project, self.since, self.end_expected)


async def watch_ends(project: Project, since: float, expected: set[str]) -> NoReturn:
    """Raise ProcessEnded as soon as a container ends whose service is not `expected` to, or Docker stops telling.

    An end that was expected is taken out of the set: the next one of that service is its own.
    """
    try:
        async for service, container, code in project.ends(since):
            if service not in expected:
                raise ProcessEnded(f"{service} ended by itself: exit code {code}{await _tail(project, container)}")
            expected.discard(service)
    except StartFailed as error:
        raise ProcessEnded(str(error)) from error
    raise ProcessEnded("docker events has ended")


def pid_here(container: Container) -> int:
    """Return a container's first process, 0 where this machine does not show it.

    Where Docker runs in a machine of its own, as on macOS, the number is another process's here.
    """
    try:
        groups = Path(f"/proc/{container.pid}/cgroup").read_text(encoding="utf-8")
    except OSError:
        return 0
    return container.pid if container.id in groups else 0


async def obituary(project: Project, container: Container) -> str:
    """Return how a container that keeps a start from its end fares, and its last words."""
    how = f"is {container.health}" if container.running else f"ended at its start: exit code {container.exit_code}"
    return f"{container.service} {how}{await _tail(project, container.name)}"


async def _tail(project: Project, container: str) -> str:
    try:
        lines = await project.last_lines(container, TAIL_LINES)
    except LabError as error:
        lines = [str(error)]
    return "".join(f"\n  | {line}" for line in lines or ["(it printed nothing)"])
