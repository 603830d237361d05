"""How Valkey and Toxiproxy are started, asked and prepared; Postgres, which needs more, has a module of its own."""

import asyncio
import signal
from typing import Protocol

import aiohttp

from chaos.engines.addresses import LOOPBACK, option
from chaos.engines.components import Provider
from chaos.engines.links import render_links
from chaos.engines.processes import Command
from chaos.engines.topology import ServiceSpec, Topology
from chaos.engines.workspace import Workspace, mount, moved
from chaos.errors import TopologyError

TOXIPROXY_PORT = 8474
REDIS_PORT = 6379
PROBE_S = 1.0


class Server(Protocol):
    """One component: what to start, whether it answers, and what to do once it does."""

    provider: Provider

    async def command(self) -> Command:
        """Prepare its data and return how to start it."""
        ...

    async def answers(self) -> bool:
        """Return whether it serves requests now; bounded, and never raises because it does not."""
        ...

    async def initialise(self) -> None:
        """Do once what its users rely on."""
        ...

    async def version(self) -> str:
        """Return the version that runs."""
        ...


class RedisServer:
    """Valkey or Redis, in memory."""

    def __init__(self, spec: ServiceSpec, provider: Provider, workspace: Workspace) -> None:
        if spec.environment or spec.mounts:
            raise TopologyError(f"{spec.name}: the local engine configures Redis by its command only")
        self._spec, self.provider, self._workspace = spec, provider, workspace
        self._port = int(option(spec.command, "port") or REDIS_PORT)

    async def command(self) -> Command:
        """Return the compose command with our program, loopback and a folder of its own."""
        folder = self._workspace.data(self._spec.name)
        ours = ("--bind", LOOPBACK, "--dir", str(folder), "--daemonize", "no")
        return Command(
            name=self._spec.name,
            argv=(*self.provider.program, *self._spec.command[1:], *ours),
            environment=self._workspace.machine_environment(),
            folder=folder,
            log=self._workspace.log(self._spec.name),
            nice=0,
        )

    async def answers(self) -> bool:
        """Return whether PING gets its PONG."""
        try:
            async with asyncio.timeout(PROBE_S):
                reader, writer = await asyncio.open_connection(LOOPBACK, self._port)
                try:
                    writer.write(b"PING\r\n")
                    return await reader.readline() == b"+PONG\r\n"
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False

    async def initialise(self) -> None:
        """Do nothing: it starts empty."""

    async def version(self) -> str:
        """Return what the program says of itself."""
        return self.provider.version


class ToxiproxyServer:
    """The real Toxiproxy or the embedded one, started on the links of this run's arms.

    It steps back behind the load generator as the services do (`nice`), for every byte of theirs goes through it. At
    the generator's own priority the real one made three of six runs late by over the 10 ms allowed, now one of four.
    """

    def __init__(
        self, spec: ServiceSpec, provider: Provider, workspace: Workspace,
        topology: Topology, *, http: aiohttp.ClientSession, nice: int,
    ) -> None:  # fmt: skip
        self._spec, self.provider, self._workspace, self._nice = spec, provider, workspace, nice
        self._configs, self._links, self._http = topology.configs, topology.links, http
        self.url = f"http://{LOOPBACK}:{option(spec.command, 'port') or TOXIPROXY_PORT}"

    async def command(self) -> Command:
        """Return the compose command with our program and the configuration of our links."""
        target = option(self._spec.command, "config") or ""
        # Its own file, but only the links of arms that are there.
        configs = {**self._configs, self._spec.mounts[target]: render_links(self._links)}
        places = mount(self._spec, configs, self._workspace)
        words = [moved(word, places) for word in self._spec.command]
        if option(words, "host") is None:
            words.append(f"-host={LOOPBACK}")
        return Command(
            name=self._spec.name,
            argv=(*self.provider.program, *words),
            environment={**self._workspace.machine_environment(), **self._spec.environment, "PYTHONUNBUFFERED": "1"},
            folder=self._workspace.root,
            log=self._workspace.log(self._spec.name),
            nice=self._nice,
            stop_signal=signal.SIGTERM,
        )

    async def answers(self) -> bool:
        """Return whether every link is there."""
        return {link.proxy for link in self._links} <= set(await self._get("/proxies"))

    async def initialise(self) -> None:
        """Do nothing: its file told it everything."""

    async def version(self) -> str:
        """Return what the running server says; before it runs nobody knows the embedded one's."""
        return str((await self._get("/version")).get("version", self.provider.version))

    async def _get(self, path: str) -> dict[str, object]:
        """Return a JSON object of the API, empty where none came."""
        try:
            async with self._http.get(self.url + path, timeout=aiohttp.ClientTimeout(total=PROBE_S)) as response:
                answer = await response.json(content_type=None) if response.ok else None
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return {}
        return answer if isinstance(answer, dict) else {}
