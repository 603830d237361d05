"""One proxy: a listening socket, an upstream, toxics, and the connections between."""

import asyncio
import contextlib
from typing import Any

from chaos.toxiproxy.server.addresses import bound_address, listening_socket, resolve
from chaos.toxiproxy.server.chain import ToxicChain
from chaos.toxiproxy.server.connection import Connection
from chaos.toxiproxy.server.runtime import Runtime

CLOSE_TIMEOUT_S = 2.0


class Proxy:
    """Toxiproxy's proxy. `listen` is what was asked for until it listens, then the address it has."""

    def __init__(self, name: str, listen: str, upstream: str, runtime: Runtime) -> None:
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.chain = ToxicChain()
        self._runtime = runtime
        self._server: asyncio.Server | None = None
        self._connections: dict[Connection, None] = {}

    @property
    def enabled(self) -> bool:
        """Say whether it listens."""
        return self._server is not None

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object; `Logger` is a field that the original shows by mistake and clients have met."""
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "Logger": {},
            "toxics": self.chain.as_json(),
        }

    async def start(self) -> None:
        """Listen, unless it does already.

        Raises:
            ApiError: the address cannot be used; it stays disabled.
        """
        if self._server is not None:
            return
        listener = await listening_socket(self.listen)
        self.listen = bound_address(listener)
        try:
            self._server = await self._runtime.loop.create_server(self._accepted, sock=listener)
        except BaseException:
            listener.close()
            raise

    async def stop(self) -> None:
        """Refuse new connections and cut those there are. The toxics stay."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in list(self._connections):
            connection.abort()
        # From Python 3.12 on this waits until the aborted connections are gone.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await server.wait_closed()

    async def differs(self, listen: str, upstream: str) -> bool:
        """Say whether these addresses are others than its own. Raises ApiError."""
        return await resolve(listen) != self.listen or upstream != self.upstream

    async def update(self, listen: str, upstream: str, *, enabled: bool) -> None:
        """Move to other addresses (which cuts every connection), start or stop.

        Raises:
            ApiError: a malformed address changes nothing; one that cannot be bound leaves the proxy there, disabled.
        """
        if await self.differs(listen, upstream):
            await self.stop()
            self.listen, self.upstream = listen, upstream
        if enabled:
            await self.start()
        else:
            await self.stop()

    # ---- what its connections tell it

    def _accepted(self) -> asyncio.Protocol:
        return Connection(self, self.upstream, self.chain.toxics, self._runtime).client

    def opened(self, connection: Connection) -> bool:
        """Keep a new connection, unless the proxy stopped while it was being accepted."""
        if self._server is None:
            return False
        self._connections[connection] = None
        return True

    def linked(self, connection: Connection) -> None:
        """Let toxics reach it."""
        self.chain.attach(connection.links)

    def closed(self, connection: Connection) -> None:
        """Forget it."""
        self._connections.pop(connection, None)
        self.chain.detach(connection.links)
