"""Kill and pause by docker: what a fault may do to containers of a project.

Each is one call of `docker` on a container by its name, which is what `docker compose kill`, `start`, `pause` and
`unpause` come to: reading compose.yaml anew would put the signal a second late.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from chaos.engines.compose.docker import Answer
from chaos.engines.compose.project import Container, Project
from chaos.engines.process_port import Life, Processes
from chaos.errors import ProcessFaultError, StartFailed

# A start of a container that has run is a second; a daemon under load takes its time.
WITHIN_S = 30.0


class ComposeProcesses(Processes):
    """The containers of `project`: `containers` gives each one's name by its service.

    `end_expected` is what its watch reads, one entry an end that was asked for; `pids` is told each first process seen.
    """

    def __init__(
        self, project: Project, containers: Mapping[str, str], end_expected: set[str], pids: dict[str, int]
    ) -> None:
        self._project, self._containers, self._end_expected, self._pids = project, containers, end_expected, pids

    def names(self) -> Collection[str]:
        """Return the services of the project."""
        return self._containers.keys()

    async def life(self, name: str) -> Life:
        """Return the container's first process; raises ProcessFaultError where it does not run."""
        container = await self._seen(name)
        if not container.running:
            raise ProcessFaultError(f"{name} does not run: exit code {container.exit_code}")
        self._pids[name] = container.pid
        began = datetime.fromisoformat(container.started_at)
        return Life(f"{container.id[:12]}:{container.pid}:{container.started_at}", began.timestamp())

    async def kill(self, name: str) -> None:
        """Kill the container: Docker ends all that runs in it."""
        first = name not in self._end_expected
        self._end_expected.add(name)
        answer = await self._asked("kill", "-s", "KILL", name)
        if answer.code != 0:
            if first:
                self._end_expected.discard(name)
            # It may have ended before: then there is nothing to do.
            if (await self._seen(name)).running:
                raise ProcessFaultError(f"docker kill {name}: {answer.why()}")

    async def start_again(self, name: str) -> None:
        """Start the same container, on the same data."""
        await self._told("start", name)

    async def pause(self, name: str) -> None:
        """Freeze every process of the container."""
        if not (await self._seen(name)).paused:
            await self._told("pause", name)

    async def resume(self, name: str) -> None:
        """Thaw it."""
        if (await self._seen(name)).paused:
            await self._told("unpause", name)

    async def _seen(self, name: str) -> Container:
        try:
            found = await self._project.seen(self._container(name))
        except StartFailed as error:
            raise ProcessFaultError(str(error)) from error
        if found is None:
            raise ProcessFaultError(f"the container of {name} is gone")
        return found

    async def _told(self, *words: str) -> None:
        answer = await self._asked(*words)
        if answer.code != 0:
            raise ProcessFaultError(f"docker {' '.join(words)}: {answer.why()}")

    async def _asked(self, *words: str) -> Answer:
        """Run docker; the last word is a service, which docker is told by its container's name."""
        *command, name = words
        try:
            return await self._project.docker.ask(*command, self._container(name), within_s=WITHIN_S)
        except StartFailed as error:
            raise ProcessFaultError(str(error)) from error

    def _container(self, name: str) -> str:
        if name not in self._containers:
            raise ProcessFaultError(f"the Compose project {self._project.name} has no container of {name}")
        return self._containers[name]
