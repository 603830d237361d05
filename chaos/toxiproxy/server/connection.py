"""One client and its upstream: two sockets, two links, one owner that closes both."""

import asyncio
import logging
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from chaos.toxiproxy.server.addresses import port_number, split
from chaos.toxiproxy.server.errors import ApiError
from chaos.toxiproxy.server.link import Link
from chaos.toxiproxy.server.meter import Traffic, Way
from chaos.toxiproxy.server.runtime import Runtime
from chaos.toxiproxy.server.side import Side
from chaos.toxiproxy.server.toxics.base import Toxic
from chaos.toxiproxy.server.toxics.doors import ConnectDelayAttributes

MS = 0.001
DIAL_TIMEOUT_S = 10.0
_LINGER_ZERO = struct.pack("ii", 1, 0)

log = logging.getLogger(__name__)


class Owner(Protocol):
    """The proxy, as a connection sees it."""

    def opened(self, connection: "Connection") -> bool:
        """Take note; False when the proxy has stopped meanwhile."""

    def linked(self, connection: "Connection") -> None:
        """Let toxics reach the connection's links from now on."""

    def closed(self, connection: "Connection") -> None:
        """Forget it."""


@dataclass(frozen=True)
class Route:
    """Where a connection comes from and goes to, and the proxy's toxics (live, by stream)."""

    way: Way
    toxics: Mapping[str, Sequence[Toxic]]


class Connection:
    """Made by the listener for each client; dials, links, and is done when both sockets are gone."""

    def __init__(self, owner: Owner, route: Route, runtime: Runtime) -> None:
        self._owner = owner
        self.route = route
        self._runtime = runtime
        self._dialling: asyncio.Task[None] | None = None
        self._open_sockets = 0
        self.client = Side(self._client_made, self._side_lost)
        self.server = Side(self._server_made, self._side_lost)
        self.links: dict[str, Link] = {}

    @property
    def client_port(self) -> int:
        """Return the port that the client connected from; 0 if it is gone already."""
        peer = self._client_transport.get_extra_info("peername")
        return int(peer[1]) if peer else 0

    def abort(self) -> None:
        """Close both sockets now; what is under way is lost."""
        if self._dialling is not None:
            self._dialling.cancel()
        for link in self.links.values():
            link.cancel()
        for side in (self.client, self.server):
            if side.transport is not None:
                side.transport.abort()

    def _client_made(self) -> None:
        self._open_sockets += 1
        client = self._client_transport
        if not self._owner.opened(self):
            client.abort()
            return
        self._dialling = self._runtime.loop.create_task(self._dial())
        self._dialling.add_done_callback(lambda _: self._check_gone())

    async def _dial(self) -> None:
        upstream = self.route.way.upstream
        try:
            delay_s = self._connect_delay_s()
            if delay_s > 0:
                await asyncio.sleep(delay_s)
            host, port = split(upstream)
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                await self._runtime.loop.create_connection(lambda: self.server, host or "localhost", port_number(port))
        except (ApiError, OSError, TimeoutError, ValueError) as error:
            log.info("upstream %s: %s", upstream, error or type(error).__name__)
        finally:
            if not self.links:
                self._client_transport.close()

    def _connect_delay_s(self) -> float:
        """Return how long the toxics hold this connection before it is dialled; their toxicity is rolled here."""
        delay_s = 0.0
        for toxic in (toxic for chain in self.route.toxics.values() for toxic in chain):
            given = toxic.attributes
            if isinstance(given, ConnectDelayAttributes) and self._runtime.rng.random() < toxic.toxicity:
                toxic.tally.connections += 1
                delay_s += given.delay * MS
        return delay_s

    def _server_made(self) -> None:
        self._open_sockets += 1
        client, server = self._client_transport, cast("asyncio.Transport", self.server.transport)
        if client.is_closing():
            server.abort()
            return
        toxics = self.route.toxics
        kinds = {toxic.type for chain in toxics.values() for toxic in chain}
        if self._runtime.strict and "reset_peer" in kinds:
            self._reset_on_close()
        upstream = self._link("upstream", client, server)
        downstream = self._link("downstream", server, client)
        self.links = {"upstream": upstream, "downstream": downstream}
        self._owner.linked(self)
        self.server.link(downstream, upstream)
        self.client.link(upstream, downstream)

    def _link(self, stream: str, source: asyncio.Transport, destination: asyncio.Transport) -> Link:
        # The original counts a connection's bytes when it ends.
        counted = Traffic() if self._runtime.strict else self._runtime.meter.traffic_of(self.route.way, stream)
        return Link(
            source,
            destination,
            self.route.toxics[stream],
            self._runtime,
            traffic=counted,
            reset=self._reset_on_close,
            on_end=self._stream_ended,
        )

    def _stream_ended(self) -> None:
        """Close both sockets, behind what they still have to send, once both streams have ended."""
        if self.links and all(link.ended for link in self.links.values()):
            for side in (self.client, self.server):
                cast("asyncio.Transport", side.transport).close()

    def _side_lost(self) -> None:
        self._open_sockets -= 1
        self._check_gone()

    def _check_gone(self) -> None:
        if self._open_sockets == 0 and (self._dialling is None or self._dialling.done()):
            for stream, link in self.links.items():
                link.cancel()
                if self._runtime.strict:
                    self._runtime.meter.traffic_of(self.route.way, stream).add(link.traffic)
            self._owner.closed(self)

    def _reset_on_close(self) -> None:
        for side in (self.client, self.server):
            transport = side.transport
            if transport is not None and not transport.is_closing():
                linger = (socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
                transport.get_extra_info("socket").setsockopt(*linger)

    @property
    def _client_transport(self) -> asyncio.Transport:
        return cast("asyncio.Transport", self.client.transport)
