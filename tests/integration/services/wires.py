"""A TCP way to a server that a test can hurt."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest


@dataclass
class Wire:
    """A TCP way to a server that the test can cut, silence or open again: a link's faults without a proxy."""

    upstream: int
    port: int = 0
    silent: bool = False
    _server: asyncio.Server | None = None
    _lines: set[asyncio.StreamWriter] = field(default_factory=set)
    _pumps: set[asyncio.Task[None]] = field(default_factory=set)

    async def up(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Refuse connections and break the ones there are."""
        if self._server is not None:
            self._server.close()
        for line in self._lines:
            line.close()
        for pump in list(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        self._lines.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.add(writer)
        try:
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            writer.close()
            return
        self._lines.add(back_writer)
        for source, sink in ((reader, back_writer), (back_reader, writer)):
            pump = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if not self.silent:
                    sink.write(data)
        sink.close()


LayWire = Callable[[int], Awaitable[Wire]]


@pytest.fixture
async def wire() -> AsyncIterator[LayWire]:
    """Return a function that lays a wire to a port."""
    wires: list[Wire] = []

    async def lay(upstream: int) -> Wire:
        wires.append(Wire(upstream))
        await wires[-1].up()
        return wires[-1]

    yield lay
    for one in wires:
        await one.down()
