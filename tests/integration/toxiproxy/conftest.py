"""Servers to test: the embedded Toxiproxy always, and the real one where the machine has it. Upstreams that answer.

Both are processes of their own on free ports of the loopback, so the same test says the same of both.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from chaos.toxiproxy.client import ToxiproxyClient

ROOT = Path(__file__).parents[3]
START_TIMEOUT_S = 20.0
Echo = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A running Toxiproxy of either kind."""

    kind: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def embedded(self) -> bool:
        return self.kind == "embedded"


def real_binary() -> str | None:
    return shutil.which("toxiproxy-server", path=f"{os.environ['PATH']}{os.pathsep}{ROOT / '.lab' / 'bin'}")


def start(kind: str) -> Server:
    command = [sys.executable, "-m", "chaos.toxiproxy.server"]
    if kind == "real":
        binary = real_binary()
        if binary is None:
            pytest.skip("no toxiproxy-server on PATH or in .lab/bin")
        command = [binary]
    port = free_port()
    process = subprocess.Popen(
        [*command, "-host=127.0.0.1", f"-port={port}"], cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    deadline_s = time.monotonic() + START_TIMEOUT_S  # noqa: TID251 - a real process starts in real time
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return Server(kind, port, process)
        assert process.poll() is None, f"{kind} toxiproxy ended with {process.returncode}"
        assert time.monotonic() < deadline_s, f"{kind} toxiproxy does not listen"  # noqa: TID251
        time.sleep(0.02)


def stop(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)
    try:
        server.process.wait(10)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait(10)


@pytest.fixture(scope="session", params=["embedded", "real"])
def shared_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = start(request.param)
    yield server
    stop(server)


@pytest.fixture
def toxiproxy_server(shared_server: Server) -> Iterator[Server]:
    """Yield a server without proxies; what a test creates is deleted after it."""
    yield shared_server
    with httpx.Client(base_url=shared_server.url, trust_env=False, timeout=10) as http:
        for name in http.get("/proxies").json():
            http.delete(f"/proxies/{quote(name, safe='')}")


@pytest.fixture(params=["embedded", "real"])
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Yield a server that the test may kill."""
    server = start(request.param)
    yield server
    stop(server)


@pytest.fixture
def second_server(shared_server: Server) -> Iterator[Server]:
    server = start(shared_server.kind)
    yield server
    stop(server)


@pytest.fixture
async def http(toxiproxy_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=toxiproxy_server.url, trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
async def client(toxiproxy_server: Server) -> AsyncIterator[ToxiproxyClient]:
    async with ToxiproxyClient(toxiproxy_server.url, timeout_s=10) as client:
        yield client


@pytest.fixture
async def upstream() -> AsyncIterator[Callable[[Echo], Awaitable[str]]]:
    """Yield a function that serves a handler and returns its address."""
    servers: list[asyncio.Server] = []
    connections: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def serve(handler: Echo) -> str:
        async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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

    yield serve
    for server in servers:
        server.close()
    for task in connections:
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)
    await abort(writers)


async def abort(writers: list[asyncio.StreamWriter]) -> None:
    """Close sockets for good: a transport that is left to the collector is a warning, and a warning an error."""
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


@dataclass(frozen=True)
class Line:
    """A proxy to an upstream, and the way to it."""

    name: str
    host: str
    port: int
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a new connection; it is closed with the test."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        self.writers.append(writer)
        return reader, writer


@pytest.fixture
async def line(http: httpx.AsyncClient) -> AsyncIterator[Callable[[str, str], Awaitable[Line]]]:
    """Yield a function that creates a proxy of a name to an upstream."""
    lines: list[Line] = []

    async def create(name: str, address: str) -> Line:
        answer = await http.post("/proxies", json={"name": name, "listen": "127.0.0.1:0", "upstream": address})
        assert answer.status_code == 201, answer.text
        host, _, port = answer.json()["listen"].rpartition(":")
        lines.append(Line(name, host, int(port)))
        return lines[-1]

    yield create
    for made in lines:
        await abort(made.writers)


@pytest.fixture
async def echo_line(upstream: Callable[[Echo], Awaitable[str]], line: Callable[[str, str], Awaitable[Line]]) -> Line:
    """Return a proxy to a server that sends everything back."""
    return await line("echo", await upstream(echo))
