"""Servers for the lab's own client and faults: the embedded Toxiproxy always, and the real one where it is.

What a server says and does is held by tests/conformance, whose servers and connections these are; test_differences.py
there says once where the real one was not tested.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx
import pytest

from chaos.toxiproxy.client import ToxiproxyClient
from tests.conformance.servers import TLS, Server, empty, kept, real_binary, running
from tests.conformance.wire import Handler, Line, echo, lines, upstreams

KINDS = ["embedded", *(["real"] if real_binary() else [])]


@pytest.fixture(scope="session")
def server_of() -> Iterator[Callable[[str], Server]]:
    with kept() as get:
        yield get


@pytest.fixture(scope="session", params=KINDS)
def shared_server(request: pytest.FixtureRequest, server_of: Callable[[str], Server]) -> Server:
    return server_of(request.param)


@pytest.fixture
def toxiproxy_server(shared_server: Server) -> Iterator[Server]:
    """Yield a server without proxies; what a test creates is deleted after it."""
    yield shared_server
    empty(shared_server)


@pytest.fixture(params=KINDS)
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Yield a server that the test may kill."""
    with running(request.param) as server:
        yield server


@pytest.fixture
def second_server(shared_server: Server) -> Iterator[Server]:
    with running(shared_server.kind) as server:
        yield server


@pytest.fixture
async def http(toxiproxy_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=toxiproxy_server.url, trust_env=False, verify=TLS, timeout=10) as client:
        yield client


@pytest.fixture
async def client(toxiproxy_server: Server) -> AsyncIterator[ToxiproxyClient]:
    async with ToxiproxyClient(toxiproxy_server.url, timeout_s=10) as client:
        yield client


@pytest.fixture
async def upstream() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    """Yield a function that serves a handler and returns its address."""
    async with upstreams() as serve:
        yield serve


@pytest.fixture
async def line(http: httpx.AsyncClient) -> AsyncIterator[Callable[[str, str], Awaitable[Line]]]:
    """Yield a function that creates a proxy of a name to an upstream."""
    async with lines() as create:
        yield lambda name, address: create(http, name, address)


@pytest.fixture
async def echo_line(upstream: Callable[[Handler], Awaitable[str]], line: Callable[[str, str], Awaitable[Line]]) -> Line:
    """Return a proxy to a server that sends everything back."""
    return await line("echo", await upstream(echo))
