"""The listening socket of a proxy, and the three ways in which it can treat a new connection.

open     accepted.
refused  the socket is bound and does not listen: ECONNREFUSED, and nobody else can take the port meanwhile.
hanging  it listens, its queue is full and nobody accepts: the system drops what comes (Linux; elsewhere a client may
         be refused instead), until the client's connect timeout, or until the door opens.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Literal

from chaos.toxiproxy.server.addresses import BACKLOG, bound_address, bound_socket, cannot_bind, split

State = Literal["open", "refused", "hanging"]

CLOSE_TIMEOUT_S = 2.0
# A queue of 0 takes one connection, on some systems a few more.
FILLERS_MAX = 8
FILLED_AFTER_S = 0.02


class Door:
    """One listening socket; `close` gives the port back."""

    def __init__(self, listener: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._socket = listener
        self._loop = loop
        self._server: asyncio.Server | None = None
        self._fillers: list[socket.socket] = []
        self._filler_ports: set[int] = set()
        self.state: State = "refused"
        self.address = bound_address(listener)

    @classmethod
    async def at(cls, address: str, loop: asyncio.AbstractEventLoop) -> "Door":
        """Bind an address; the door refuses until it is `turn`ed. Raises ApiError."""
        return cls(await bound_socket(address), loop)

    async def turn(self, state: State, accepted: Callable[[], asyncio.Protocol]) -> None:
        """Go over to a state; connections that are open are not touched.

        Raises:
            ApiError: somebody took the port in the instant in which it was not bound.
        """
        if state == self.state:
            return
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        try:
            if state == "open":
                self._server = await self._loop.create_server(accepted, sock=self._socket, backlog=BACKLOG)
            else:
                self._stop_accepting()
            if state == "refused":
                self._socket.close()
                self._socket = await bound_socket(self.address)
            if state == "hanging":
                self._socket.listen(0)
                await self._fill()
        except OSError as error:
            raise cannot_bind(self.address, error) from None
        self.state = state

    def is_filler(self, port: int) -> bool:
        """Say whether a connection from this port is one of its own that filled the queue; each is asked for once."""
        if port not in self._filler_ports:
            return False
        self._filler_ports.discard(port)
        return True

    async def close(self, cut: Callable[[], None]) -> None:
        """Stop listening; `cut` is called to end the connections there are."""
        for filler in self._fillers:
            filler.close()
        server = self._server
        if server is not None:
            server.close()
        else:
            self._socket.close()
        cut()
        await self._closed(server)

    def _stop_accepting(self) -> None:
        """Take the socket back from the loop's server, which closes the one that it was given."""
        server, self._server = self._server, None
        if server is not None:
            self._socket = self._socket.dup()
            server.close()

    async def _closed(self, server: asyncio.Server | None) -> None:
        # From Python 3.12 on this waits until the aborted connections are gone.
        if server is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await server.wait_closed()

    async def _fill(self) -> None:
        """Connect to the own queue until a connect hangs."""
        host, port = split(self.address)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        for _ in range(FILLERS_MAX):
            filler = socket.socket(family)
            filler.settimeout(0)
            self._fillers.append(filler)
            filler.connect_ex((host, int(port)))
            self._filler_ports.add(filler.getsockname()[1])
            await asyncio.sleep(FILLED_AFTER_S)
            with contextlib.suppress(OSError):
                filler.getpeername()
                continue
            return
