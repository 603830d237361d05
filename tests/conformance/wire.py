"""Both ends of a proxied connection, and what a test says about time and bytes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

# For waits that end by an event; only a failing test sees it.
BOUND_S = 20.0
Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Handler = Callable[[Reader, Writer], Awaitable[None]]
Upstream = Callable[[Handler], Awaitable[str]]


def now() -> float:
    """Return monotonic seconds."""
    return time.monotonic()  # noqa: TID251 - real sockets take real time


async def abort(writers: list[Writer]) -> None:
    """Close sockets for good: a transport that is left to the collector is a warning, and a warning an error."""
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def upstreams() -> AsyncIterator[Upstream]:
    """Yield a function that serves a handler and returns its address; all of it is closed at the end."""
    servers: list[asyncio.Server] = []
    connections: set[asyncio.Task[None]] = set()
    writers: list[Writer] = []

    async def serve(handler: Handler) -> str:
        async def connection(reader: Reader, writer: Writer) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            writers.append(writer)
            # A reset is what some tests are about.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await handler(reader, writer)
            writer.close()

        server = await asyncio.start_server(connection, "127.0.0.1", 0)
        servers.append(server)
        return "{}:{}".format(*server.sockets[0].getsockname())

    try:
        yield serve
    finally:
        for server in servers:
            server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await abort(writers)


@dataclass(frozen=True)
class Line:
    """A proxy, the way to it, and its toxics."""

    http: httpx.AsyncClient
    name: str
    host: str
    port: int
    writers: list[Writer] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/proxies/{self.name}"

    async def connect(self) -> tuple[Reader, Writer]:
        """Return a new connection; it is closed with the test."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        self.writers.append(writer)
        return reader, writer

    async def add(self, kind: str, *, name: str = "t", **more: Any) -> None:
        """Add a toxic; `more` is `attributes`, `stream`, `toxicity`."""
        answer = await self.http.post(f"{self.path}/toxics", json={"type": kind, "name": name, **more})
        assert answer.status_code == 200, answer.text

    async def patch(self, name: str = "t", **body: Any) -> None:
        """Update a toxic."""
        answer = await self.http.patch(f"{self.path}/toxics/{name}", json=body)
        assert answer.status_code == 200, answer.text

    async def remove(self, name: str = "t") -> None:
        """Take a toxic out."""
        assert (await self.http.delete(f"{self.path}/toxics/{name}")).status_code == 204


Lines = Callable[[httpx.AsyncClient, str, str], Awaitable[Line]]


@contextlib.asynccontextmanager
async def lines() -> AsyncIterator[Lines]:
    """Yield a function that creates a proxy of a name to an upstream, on any server; its connections are closed."""
    made: list[Line] = []

    async def create(http: httpx.AsyncClient, name: str, address: str) -> Line:
        answer = await http.post("/proxies", json={"name": name, "listen": "127.0.0.1:0", "upstream": address})
        assert answer.status_code == 201, answer.text
        host, _, port = answer.json()["listen"].rpartition(":")
        made.append(Line(http, name, host, int(port)))
        return made[-1]

    try:
        yield create
    finally:
        for line in made:
            await abort(line.writers)


async def exchange(reader: Reader, writer: Writer, data: bytes = b"ping") -> float:
    """Send, receive the same back, return the seconds it took."""
    start_s = now()
    writer.write(data)
    async with asyncio.timeout(BOUND_S):
        assert await reader.readexactly(len(data)) == data
    return now() - start_s


async def silent(reader: Reader, for_s: float) -> bool:
    """Say whether nothing, not even an end, comes within `for_s`."""
    try:
        async with asyncio.timeout(for_s):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


async def ended(reader: Reader) -> bytes:
    """Return what comes before the end. Raises ConnectionResetError on a reset."""
    async with asyncio.timeout(BOUND_S):
        return await reader.read(-1)


async def ending(reader: Reader) -> str:
    """Say how a connection without data ends: `end` or `reset`."""
    try:
        assert await ended(reader) == b""
    except ConnectionResetError:
        return "reset"
    return "end"


async def echo(reader: Reader, writer: Writer) -> None:
    """Send everything back."""
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


async def greet(_: Reader, writer: Writer) -> None:
    """Say hello and close."""
    writer.write(b"hello")
