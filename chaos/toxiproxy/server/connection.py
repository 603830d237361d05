"""One client and its upstream: two sockets, two links, one owner that closes both."""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from chaos.toxiproxy.server.addresses import port_number, split
from chaos.toxiproxy.server.errors import ApiError
from chaos.toxiproxy.server.link import Link
from chaos.toxiproxy.server.runtime import Runtime
from chaos.toxiproxy.server.toxics import TYPES
from chaos.toxiproxy.server.toxics.base import Toxic

DIAL_TIMEOUT_S = 10.0
# Where the sender is asked to pause. Large enough that one stream runs at full speed.
WRITE_BUFFER_BYTES = 256 * 1_024
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


class _Side(asyncio.Protocol):
    """One of the two sockets. `outgoing` carries what it sends, `incoming` what it is sent."""

    transport: asyncio.Transport | None = None
    outgoing: Link | None = None
    incoming: Link | None = None

    def __init__(self, on_made: Callable[[], None], on_lost: Callable[[], None]) -> None:
        self._on_made = on_made
        self._on_lost = on_lost
        self._early: list[bytes] = []
        self._early_end = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._on_made()

    def link(self, outgoing: Link, incoming: Link) -> None:
        """Send what comes from here to `outgoing`, starting with what came before there was one."""
        self.outgoing, self.incoming = outgoing, incoming
        early, self._early = self._early, []
        if early and self.transport is not None:
            self.transport.resume_reading()
        for data in early:
            outgoing.feed(data)
        if self._early_end:
            outgoing.end()

    def data_received(self, data: bytes) -> None:
        if self.outgoing is not None:
            self.outgoing.feed(data)
            return
        # Here, not in connection_made: uvloop starts reading after that call whatever it asked for.
        self._early.append(data)
        if self.transport is not None:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        if self.outgoing is not None:
            self.outgoing.end()
        self._early_end = True
        return True  # The socket still takes what is under way to it.

    def pause_writing(self) -> None:
        if self.incoming is not None:
            self.incoming.destination_full(full=True)

    def resume_writing(self) -> None:
        if self.incoming is not None:
            self.incoming.destination_full(full=False)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - an error ends a stream like an end does
        if self.outgoing is not None:
            self.outgoing.end()
        self._on_lost()


class Connection:
    """Made by the listener for each client; dials, links, and is done when both sockets are gone."""

    def __init__(self, owner: Owner, upstream: str, toxics: Mapping[str, Sequence[Toxic]], runtime: Runtime) -> None:
        self._owner = owner
        self._upstream = upstream
        self._toxics = toxics
        self._runtime = runtime
        self._dialling: asyncio.Task[None] | None = None
        self._open_sockets = 0
        self.client = _Side(self._client_made, self._side_lost)
        self.server = _Side(self._server_made, self._side_lost)
        self.links: dict[str, Link] = {}

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
        try:
            host, port = split(self._upstream)
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                await self._runtime.loop.create_connection(lambda: self.server, host or "localhost", port_number(port))
        except (ApiError, OSError, TimeoutError, ValueError) as error:
            log.info("upstream %s: %s", self._upstream, error or type(error).__name__)
        finally:
            if not self.links:
                self._client_transport.close()

    def _server_made(self) -> None:
        self._open_sockets += 1
        client, server = self._client_transport, cast("asyncio.Transport", self.server.transport)
        if client.is_closing():
            server.abort()
            return
        toxics = self._toxics
        if any(TYPES[toxic.type].resets for chain in toxics.values() for toxic in chain):
            for transport in (client, server):
                _reset_on_close(transport)
        upstream = Link(client, server, toxics["upstream"], self._runtime)
        downstream = Link(server, client, toxics["downstream"], self._runtime)
        self.links = {"upstream": upstream, "downstream": downstream}
        self._owner.linked(self)
        self.server.link(downstream, upstream)
        self.client.link(upstream, downstream)

    def _side_lost(self) -> None:
        self._open_sockets -= 1
        self._check_gone()

    def _check_gone(self) -> None:
        if self._open_sockets == 0 and (self._dialling is None or self._dialling.done()):
            for link in self.links.values():
                link.cancel()
            self._owner.closed(self)

    @property
    def _client_transport(self) -> asyncio.Transport:
        return cast("asyncio.Transport", self.client.transport)


def _reset_on_close(transport: asyncio.Transport) -> None:
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
