"""The Compose engine: `docker compose up` at the beginning, `down -v` at the end, and the same addresses in between.

Every port is published on 127.0.0.1 under its own number, so the topology of the local engine holds here too. Where
the lab itself is killed, the next start, or `lab down`, removes the project.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from chaos.engines.addresses import LOOPBACK, option
from chaos.engines.compose.lab import ComposeLab, obituary, pid_here, watch_ends
from chaos.engines.compose.project import Container, Project
from chaos.engines.compose.requirements import Wanted, check_docker
from chaos.engines.engine import Engine, make_log_dir
from chaos.engines.interruption import ended_by_signals
from chaos.engines.leftovers import clean_leftovers
from chaos.engines.local import check_played
from chaos.engines.processes import TAIL_LINES, last_lines
from chaos.engines.running import RunningService
from chaos.engines.servers import TOXIPROXY_PORT
from chaos.engines.state import only_lab
from chaos.engines.state_file import StateFile
from chaos.engines.topology import WATCH, Topology, arm_environment
from chaos.errors import LabError, ProcessEnded, StartFailed
from chaos.run import Component
from chaos.scenario import Arm
from chaos.scenario.parts import Part
from chaos.shield import beside
from resilience.clock import SystemClock

PROJECT = "chaoslab"
LOG = "docker-compose.log"


class ComposeEngine(Engine[ComposeLab]):
    """Start compose.yaml of `root`: `async with ComposeEngine(...) as lab` is a ComposeLab inside, nothing afterwards.

    The arguments are those of LocalEngine; `env` also holds what docker reads (DOCKER_HOST, DOCKER_CONFIG).
    Raises on entry LabAlreadyUp, PortTaken, ComponentMissing, TopologyError or StartFailed; then nothing is left.
    """

    def __init__(
        self, root: Path, topology: Topology, arms: Sequence[Arm], log_dir: Path, on_progress: Callable[[str], None],
        *, env: Mapping[str, str] | None = None, stays: bool = False, project: str = PROJECT,
    ) -> None:  # fmt: skip
        super().__init__(root)
        self._topology, self._arms, self._log_dir = topology, arms, log_dir.absolute()
        self._say, self._stays, self._name = on_progress, stays, project
        self._env = os.environ if env is None else env
        self._state = StateFile(self.root, "compose", arms, self._log_dir, stays=stays)
        check_played(topology, arms)

    async def _start(self) -> ComposeLab:
        clock = SystemClock()
        began = clock.now()
        self.stack.enter_context(only_lab(self.root))
        self.stack.enter_context(ended_by_signals())
        for line in await clean_leftovers(self.root):
            self._say(line)
        project = Project(self.root, self._name, compose_environment(self._arms, self._env, self._topology.parts))
        wanted = await check_docker(project)
        make_log_dir(self._log_dir)
        self._state.update(project=self._name)
        left: list[str] = []
        self.stack.push_async_callback(self._end, project, left)
        self._say("docker compose up; the first time it pulls and builds images, which takes minutes")
        since = clock.wall()
        try:
            # One that ends is not waited for: others would wait a minute for it in vain.
            await beside(self._up(project), watch_ends(project, since, set()))
        except ProcessEnded as error:
            raise StartFailed(str(error)) from error
        containers = await project.containers()
        lab = ComposeLab(
            engine="compose",
            mark=self._state.mark,
            components=self._components(wanted, containers),
            services=self._services(containers),
            links=self._topology.links,
            toxiproxy_url=self._toxiproxy_url(),
            ready_s=clock.now() - began,
            project=project,
            containers={one.service: one.name for one in containers},
            since=since,
            left=left,
        )
        self._state.update(
            ready=True, parts=self._topology.parts, components=lab.components, toxiproxy_url=lab.toxiproxy_url
        )
        self._say(f"ready after {lab.ready_s:.1f} s")
        return lab

    async def _up(self, project: Project) -> None:
        if await project.up(self._log_dir / LOG) != 0:
            raise await self._failure(project)

    async def _end(self, project: Project, left: list[str]) -> None:
        """Keep the logs, remove everything, and the state where nothing is left."""
        try:
            # A log that cannot be had must not keep a container alive.
            with suppress(LabError, OSError):
                await project.write_logs(self._log_dir)
        finally:
            left.extend(await project.down())
            if left:
                self._say(f"could not end {', '.join(left)}: the next start tries again")
            else:
                self._state.remove()

    async def _failure(self, project: Project) -> StartFailed:
        """Say which container kept the start from its end: one that has ended before one that only waits for it."""
        containers = {one.service: one for one in await project.containers()}
        first = [containers[name] for level in self._topology.levels() for name in level if name in containers]
        ended = [one for one in first if not one.running and one.exit_code]
        culprits = ended or [one for one in first if one.health == "unhealthy"]
        if culprits:
            return StartFailed(await obituary(project, culprits[0]))
        log = self._log_dir / LOG
        lines = "".join(f"\n  | {line}" for line in last_lines(log, TAIL_LINES))
        return StartFailed(f"docker compose up failed, {log} ends so:{lines}")

    def _components(self, wanted: Wanted, containers: Sequence[Container]) -> tuple[Component, ...]:
        images = {one.service: one.image for one in containers}
        return tuple(
            Component(name=spec.component, provider=f"image {wanted.images[name]}", version=images[name])
            for name, spec in self._topology.services.items()
            if spec.component is not None and name in wanted.images and name in images
        )

    def _services(self, containers: Sequence[Container]) -> tuple[RunningService, ...]:
        pids = {one.service: pid_here(one) for one in containers}
        return tuple(
            RunningService(spec.name, spec.role, spec.arm, spec.url, pids.get(spec.name, 0))
            for spec in self._topology.services.values()
            if spec.url is not None
        )

    def _toxiproxy_url(self) -> str:
        for spec in self._topology.services.values():
            if spec.component == "toxiproxy":
                return f"http://{LOOPBACK}:{option(spec.command, 'port') or TOXIPROXY_PORT}"
        return ""


def compose_environment(arms: Sequence[Arm], env: Mapping[str, str], needs: Collection[Part] = ()) -> dict[str, str]:
    """Return the environment of `docker compose` for these arms: the caller's, the seats, and the profiles to start."""
    seats = arm_environment(arms, needs)
    profiles = [] if env.get(WATCH) == "0" else ["watch", "load"]
    profiles += [name for name in seats["COMPOSE_PROFILES"].split(",") if name]
    return {**env, **seats, "COMPOSE_PROFILES": ",".join(profiles)}
