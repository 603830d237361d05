"""The start: every process as soon as what it depends on is ready; a failure says who, why and its last words."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import aiohttp

from chaos.engines.liveness import send_group
from chaos.engines.players import player
from chaos.engines.processes import Child, last_lines
from chaos.engines.running import RunningService
from chaos.engines.servers import PROBE_S, Server, ToxiproxyServer
from chaos.engines.session import Session
from chaos.engines.topology import ServiceSpec, Topology
from chaos.engines.workspace import service_command
from chaos.errors import ComponentMissing, LabError, ProcessEnded, StartFailed
from chaos.run import Component

START_TIMEOUT_S = 60.0
# Between two questions whether a process is ready: short for a start that takes a second, long for one of ten.
POLL_S = 0.05
POLL_MAX_S = 0.25
POLL_GROWTH = 1.3
# What is optional gets less: nobody waits a minute for a picture. Grafana's first start makes its database.
OPTIONAL_TIMEOUT_S = 20.0


class Starter:
    """Starts a topology once. `toxiproxy_url` is empty where the topology has none."""

    def __init__(self, topology: Topology, session: Session, http: aiohttp.ClientSession, nice: int) -> None:
        self._topology, self._workspace, self._http, self._nice = topology, session.workspace, http, nice
        self._started = {name: asyncio.Event() for name in topology.services}
        self._ready = {name: asyncio.Event() for name in topology.services}
        self._answers: dict[str, str] = {}
        self._components: dict[str, Component] = {}
        self.toxiproxy_url = ""

    async def start(self, timeout_s: float) -> tuple[Component, ...]:
        """Start everything, return when all of it is ready; raises LabError. What was started is not stopped here."""
        servers = self._servers()
        try:
            async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
                watch = group.create_task(self._workspace.supervisor.watch())
                starts = [
                    group.create_task(self._start_one(spec, servers.get(spec.name)))
                    for spec in self._topology.services.values()
                    if not spec.optional
                ]
                starts += [
                    group.create_task(self._start_optional(spec, servers[spec.name]))
                    for spec in self._topology.services.values()
                    if spec.optional and spec.name in servers
                ]
                await asyncio.wait(starts)
                watch.cancel()
        except TimeoutError:
            raise self._too_late(timeout_s) from None
        except BaseExceptionGroup as group_error:
            raise _first_lab_error(group_error) from None
        return tuple(self._components[name] for name in self._topology.services if name in self._components)

    def services(self) -> tuple[RunningService, ...]:
        """Return the plain services that were started."""
        children = self._workspace.supervisor.children
        return tuple(
            RunningService(spec.name, spec.role, spec.arm, spec.url, children[spec.name].identity.pid)
            for spec in self._topology.services.values()
            if spec.url is not None
        )

    def _servers(self) -> dict[str, Server]:
        """Return what plays the components, by name; raises ComponentMissing, TopologyError.

        Before anything starts: a missing component must not cost a start and a stop.
        """
        servers: dict[str, Server] = {}
        left_out = []
        for spec in self._topology.services.values():
            if spec.component is None:
                continue
            try:
                server = player(spec, self._workspace, self._topology, self._http, self._nice)
            except ComponentMissing:
                if not spec.optional:
                    raise
                left_out.append(spec.name)
                continue
            servers[spec.name] = server
            if isinstance(server, ToxiproxyServer):
                self.toxiproxy_url = server.url
        if left_out:
            self._workspace.say(f"without {' and '.join(left_out)}, optional: `lab doctor` says how to get them")
        return servers

    async def _start_optional(self, spec: ServiceSpec, server: Server) -> None:
        """Start what may as well not be there: where it fails, one line says so and the start goes on."""
        try:
            async with asyncio.timeout(OPTIONAL_TIMEOUT_S):
                await self._start_one(spec, server)
        except (LabError, OSError, TimeoutError) as error:
            child = self._workspace.supervisor.children.get(spec.name)
            if child is not None:
                send_group(child.process.pid, signal.SIGKILL)
            why = str(error).partition("\n")[0] or f"not ready within {OPTIONAL_TIMEOUT_S:g} s"
            last = "".join(last_lines(self._workspace.log(spec.name), 1))
            self._workspace.say(f"{spec.name} is left out: {why}: {last}".rstrip(": "))

    async def _start_one(self, spec: ServiceSpec, server: Server | None) -> None:
        """Wait for what a service depends on, start it, wait until it is ready."""
        for other, condition in spec.depends_on.items():
            await (self._ready if condition == "service_healthy" else self._started)[other].wait()
        if server is None:
            command = service_command(spec, self._topology.configs, self._workspace, self._nice)
            child = self._workspace.supervisor.spawn(command)
            self._started[spec.name].set()
            await self._until_ready(child, lambda: self._http_ready(spec))
        else:
            child = self._workspace.supervisor.spawn(await server.command())
            child.end_expected = spec.optional
            self._started[spec.name].set()
            await self._until_ready(child, server.answers)
            await server.initialise()
            self._note(spec, server, await server.version())
        self._ready[spec.name].set()

    async def _until_ready(self, child: Child, answers: Callable[[], Awaitable[bool]]) -> None:
        """Ask until the answer is yes; raises StartFailed where the child has ended."""
        pause_s = POLL_S
        while True:
            ready = await answers()
            # Asked after the answer: where it has ended, somebody else gave that answer.
            if child.exit_code() is not None:
                raise StartFailed(f"{child.name} ended at its start: {child.obituary()}")
            if ready:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * POLL_GROWTH, POLL_MAX_S)

    async def _http_ready(self, spec: ServiceSpec) -> bool:
        """Return whether a service's own readiness answers 200, and remember what it answers."""
        try:
            timeout = aiohttp.ClientTimeout(total=PROBE_S)
            async with self._http.get(str(spec.ready_url), timeout=timeout) as response:
                self._answers[spec.name] = f"{spec.ready_url} answers {response.status}"
                return response.status == 200  # noqa: PLR2004 - HTTP's own
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._answers[spec.name] = f"{spec.ready_url}: {error or type(error).__name__}"
            return False

    def _note(self, spec: ServiceSpec, server: Server, version: str) -> None:
        provider = server.provider
        self._components[spec.name] = Component(name=provider.component, provider=provider.name, version=version)
        self._workspace.say(f"{spec.name}: {provider.title(version)}")

    def _too_late(self, timeout_s: float) -> StartFailed:
        """Say who is not ready, and what the first of those that run has to say."""
        services = self._topology.services
        late = [name for name, ready in self._ready.items() if not ready.is_set() and not services[name].optional]
        running = [name for name in late if self._started[name].is_set()]
        lines = [f"not ready within {timeout_s:g} s: {', '.join(late)}"]
        for name in running[:1]:
            lines.append(f"{name}: {self._answers.get(name, 'no answer')}")
            lines.append(self._workspace.supervisor.children[name].tail())
        return StartFailed("\n".join(lines))


def _first_lab_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what the user can put right, else the first defect: one cause says more than a tree of its effects."""
    leaves = list(_leaves(group))
    error = next((leaf for leaf in leaves if isinstance(leaf, LabError)), leaves[0])
    # The watch may see the end of a process that is not ready yet before its own start does.
    return StartFailed(str(error)) if isinstance(error, ProcessEnded) else error


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
