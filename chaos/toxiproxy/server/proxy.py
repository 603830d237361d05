"""One proxy: a door, an upstream, toxics, and the connections between."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from chaos.toxiproxy.server.addresses import resolve
from chaos.toxiproxy.server.chain import ToxicChain
from chaos.toxiproxy.server.connection import Connection, Route
from chaos.toxiproxy.server.door import Door
from chaos.toxiproxy.server.errors import ApiError
from chaos.toxiproxy.server.meter import Way
from chaos.toxiproxy.server.runtime import Runtime

log = logging.getLogger(__name__)


class Proxy:
    """Toxiproxy's proxy. `listen` is what was asked for until it listens, then the address it has."""

    def __init__(self, name: str, listen: str, upstream: str, runtime: Runtime) -> None:
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.chain = ToxicChain(name, runtime, on_expired=self._expired)
        self._runtime = runtime
        self._door: Door | None = None
        self._turning = asyncio.Lock()
        self._expiring: set[asyncio.Task[None]] = set()
        self._return: asyncio.TimerHandle | None = None
        self._connections: dict[Connection, None] = {}

    @property
    def enabled(self) -> bool:
        """Say whether it listens, or would if no toxic refused."""
        return self._door is not None

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
        self._forget_return()
        if self._door is not None:
            return
        door = await Door.at(self.listen, self._runtime.loop)
        self.listen = door.address
        self._door = door
        try:
            await self.turn_door()
        except BaseException:
            await self.stop()
            raise

    def return_after(self, ttl_s: float) -> None:
        """Listen again after this time, unless something else happens to the proxy before; 0: never."""
        self._forget_return()
        if ttl_s > 0 and not self.enabled:
            self._return = self._runtime.loop.call_later(ttl_s, self._keep, self._come_back)

    async def _come_back(self) -> None:
        self._return = None
        log.info("proxy %s: the ttl of its being disabled is over", self.name)
        await self.start()

    def _forget_return(self) -> None:
        if self._return is not None:
            self._return.cancel()
            self._return = None

    async def stop(self) -> None:
        """Refuse new connections and cut those there are. The toxics stay."""
        # Not while the door is being turned: that would open it again.
        async with self._turning:
            door, self._door = self._door, None
            if door is not None:
                await door.close(self._cut)

    async def retire(self) -> None:
        """Stop for good: no toxic of it expires any more."""
        self.chain.retire()
        self._forget_return()
        await self.stop()

    async def turn_door(self) -> None:
        """Treat new connections as the toxics ask. Raises ApiError."""
        async with self._turning:
            if self._door is not None:
                await self._door.turn(self.chain.door, self._accepted)

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

    def _cut(self) -> None:
        for connection in list(self._connections):
            connection.abort()

    def _expired(self) -> None:
        self._keep(self.turn_door)

    def _keep(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def logged() -> None:
            try:
                await work()
            except ApiError as error:
                log.warning("proxy %s cannot listen again: %s", self.name, error)

        task = self._runtime.loop.create_task(logged())
        self._expiring.add(task)
        task.add_done_callback(self._expiring.discard)

    # ---- what its connections tell it

    def _accepted(self) -> asyncio.Protocol:
        way = Way(self.name, self.listen, self.upstream)
        return Connection(self, Route(way, self.chain.toxics), self._runtime).client

    def opened(self, connection: Connection) -> bool:
        """Keep a new connection, unless the proxy stopped while it was being accepted."""
        if self._door is None or self._door.is_filler(connection.client_port):
            return False
        self._connections[connection] = None
        counted = self._runtime.meter.connections_of(connection.route.way)
        counted.total += 1
        counted.active += 1
        return True

    def linked(self, connection: Connection) -> None:
        """Let toxics reach it."""
        self.chain.attach(connection.links)

    def closed(self, connection: Connection) -> None:
        """Forget it."""
        if connection in self._connections:
            del self._connections[connection]
            self._runtime.meter.connections_of(connection.route.way).active -= 1
        self.chain.detach(connection.links)
