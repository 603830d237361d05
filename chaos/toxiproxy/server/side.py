"""One of the two sockets of a connection, as the event loop sees it."""

import asyncio
from collections.abc import Callable
from typing import cast

from chaos.toxiproxy.server.link import Link

# Where the sender is asked to pause. Large enough that one stream runs at full speed.
WRITE_BUFFER_BYTES = 256 * 1_024


class Side(asyncio.Protocol):
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
        """Keep the transport."""
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
        """Hand it to the link, or keep it until there is one."""
        if self.outgoing is not None:
            self.outgoing.feed(data)
            return
        # Here, not in connection_made: uvloop starts reading after that call whatever it asked for.
        self._early.append(data)
        if self.transport is not None:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Pass the end on; the socket still takes what is under way to it."""
        if self.outgoing is not None:
            self.outgoing.end()
        self._early_end = True
        return True

    def pause_writing(self) -> None:
        """Let what comes here pause."""
        if self.incoming is not None:
            self.incoming.destination_full(full=True)

    def resume_writing(self) -> None:
        """Let what comes here go on."""
        if self.incoming is not None:
            self.incoming.destination_full(full=False)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - an error ends a stream like an end does
        """Pass the end on: this side is gone, for reading and for writing."""
        if self.outgoing is not None:
            self.outgoing.end(cut=True)
        self._on_lost()
