"""A way to a server that a test can make slow, mute or closed: what Toxiproxy does, in as few lines as a test needs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Forwarder:
    """Passes bytes on. `delay_s` holds back every answer, `mute` swallows answers, `enabled` refuses when False."""

    upstream: tuple[str, int]
    delay_s: float = 0.0
    mute: bool = False
    accepted: int = 0
    _server: asyncio.Server | None = None
    _port: int = 0
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _serving: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def listen(self) -> str:
        """Return host:port."""
        return f"127.0.0.1:{self._port}"

    async def open(self) -> None:
        """Begin to listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and break every connection."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.ensure_future(self._join(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with contextlib.suppress(OSError):
            up_reader, up_writer = await asyncio.open_connection(*self.upstream)
            self._writers.append(up_writer)
            await asyncio.gather(self._pass(reader, up_writer, held=False), self._pass(up_reader, writer, held=True))
        writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, held: bool) -> None:
        with contextlib.suppress(OSError):
            while block := await reader.read(65_536):
                if held and self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if not (held and self.mute):
                    writer.write(block)
        writer.close()


@asynccontextmanager
async def forwarder(host: str, port: int) -> AsyncIterator[Forwarder]:
    """Run a forwarder to a server, on a free port."""
    way = Forwarder((host, port))
    await way.open()
    try:
        yield way
    finally:
        await way.close()
