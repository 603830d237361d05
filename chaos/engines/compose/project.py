"""One Compose project, asked and told by `docker compose`: what it holds, its logs, its start and its end."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.engines.compose.docker import ANSWER_S, Answer, Docker
from chaos.errors import StartFailed

# The first start pulls and builds, over whatever line there is.
UP_WITHIN_S = 1800.0
# Services end within a second of SIGTERM; what does not within this is killed by Docker.
STOP_GRACE_S = 3
DOWN_WITHIN_S = 30.0
DOWN_ATTEMPTS = 2
LOGS_WITHIN_S = 15.0
# Each is a process and an answer of the daemon; more at a time only queue there.
_LOGS_AT_ONCE = 4
_LABEL = "com.docker.compose"


@dataclass(frozen=True, slots=True)
class Container:
    """One container. `pid` is 0 where it does not run; `health` is empty where nobody asks.

    `started_at` is when it began last, as Docker writes it.
    """

    name: str
    id: str
    service: str
    pid: int
    running: bool
    exit_code: int
    health: str
    image: str
    paused: bool = False
    started_at: str = ""


class Project:
    """A project by its name. `env` gives the variables of compose.yaml, PATH and what docker itself reads."""

    def __init__(self, root: Path, name: str, env: Mapping[str, str]) -> None:
        self.name, self.docker = name, Docker(env)
        self._words = ("compose", "--ansi", "never", "-p", name, "-f", str(root / "compose.yaml"))

    async def compose(self, *words: str, within_s: float = ANSWER_S) -> Answer:
        """Run a command of `docker compose` on the project, whatever its exit code."""
        return await self.docker.ask(*self._words, *words, within_s=within_s)

    async def config(self) -> dict[str, Any]:
        """Return compose.yaml as Compose itself reads it; raises StartFailed with Compose's words."""
        answer = await self.compose("config", "--format", "json")
        if answer.code != 0:
            raise StartFailed(f"docker compose does not take compose.yaml: {answer.why()}")
        config: dict[str, Any] = json.loads(answer.out)
        return config

    async def up(self, log: Path) -> int:
        """Build, pull, start and wait until all is healthy; returns the exit code, output in `log`."""
        words = (*self._words, "--progress", "plain", "up", "-d", "--build", "--wait")
        return await self.docker.write(words, log, within_s=UP_WITHIN_S)

    async def down(self) -> tuple[str, ...]:
        """Remove containers, network and volumes; returns what is left of it, and why."""
        words = ("down", "--volumes", "--remove-orphans", "--timeout", str(STOP_GRACE_S))
        left: tuple[str, ...] = ()
        # Docker may still be making a container that an `up` has asked for which was ended meanwhile.
        for _ in range(DOWN_ATTEMPTS):
            try:
                answer = await self.compose(*words, within_s=DOWN_WITHIN_S)
                left = await self.names()
            except StartFailed as error:
                return (str(error),)
            if not left and answer.code == 0:
                return ()
        return (*left, f"docker compose down: {answer.why()}") if answer.code else left

    async def names(self) -> tuple[str, ...]:
        """Return the names of all containers of the project, those that have ended included; raises StartFailed."""
        answer = await self.docker.ask("ps", "--all", "--filter", self._filter(), "--format", "{{.Names}}")
        if answer.code != 0:
            raise StartFailed(f"docker ps: {answer.why()}")
        return tuple(sorted(answer.out.split()))

    async def containers(self) -> tuple[Container, ...]:
        """Return all containers; raises StartFailed."""
        names = await self.names()
        if not names:
            return ()
        answer = await self.docker.ask("inspect", "--type", "container", *names)
        # One that ended meanwhile is told on stderr; the others are there.
        return tuple(_container(each) for each in json.loads(answer.out or "[]"))

    async def seen(self, name: str) -> Container | None:
        """Return one container by its name, None where it is gone; raises StartFailed."""
        answer = await self.docker.ask("inspect", "--type", "container", name)
        found = json.loads(answer.out or "[]")
        return _container(found[0]) if found else None

    async def write_logs(self, folder: Path) -> None:
        """Write what every container has printed into `folder`, `<service>.log`; raises StartFailed, OSError."""
        slots = asyncio.Semaphore(_LOGS_AT_ONCE)

        async def one(container: Container) -> None:
            async with slots:
                into = folder / f"{container.service}.log"
                await self.docker.write(("logs", container.name), into, within_s=LOGS_WITHIN_S)

        await asyncio.gather(*(one(container) for container in await self.containers()))

    async def last_lines(self, container: str, count: int) -> list[str]:
        """Return the last lines that a container has printed; raises StartFailed."""
        answer = await self.docker.ask("logs", "--tail", str(count), container)
        return [line.rstrip() for line in (answer.out + answer.err).splitlines() if line.strip()][-count:]

    async def ends(self, since: float) -> AsyncIterator[tuple[str, str, str]]:
        """Yield service, container and exit code of each that ends, from `since` (seconds since 1970) on.

        Raises StartFailed where Docker stops telling.
        """
        words = ("events", "--since", f"{since:.3f}", "--filter", self._filter(), "--filter", "event=die")
        last = ""
        async for line in self.docker.lines(*words, "--format", "{{json .Actor.Attributes}}"):
            if line.startswith("{"):
                told = json.loads(line)
                yield told[f"{_LABEL}.service"], told["name"], told["exitCode"]
            else:
                last = line
        raise StartFailed(f"docker events has ended, so nobody sees a container's end any more: {last or 'no reason'}")

    def _filter(self) -> str:
        return f"label={_LABEL}.project={self.name}"


def _container(told: dict[str, Any]) -> Container:
    state = told["State"]
    return Container(
        name=str(told["Name"]).removeprefix("/"),
        id=str(told["Id"]),
        service=told["Config"]["Labels"][f"{_LABEL}.service"],
        pid=state["Pid"],
        running=state["Running"],
        exit_code=state["ExitCode"],
        health=(state.get("Health") or {}).get("Status", ""),
        image=str(told["Image"]).removeprefix("sha256:")[:12],
        paused=state.get("Paused", False),
        started_at=state.get("StartedAt", ""),
    )
