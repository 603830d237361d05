"""Every test here says the same of every server: see servers.py."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.conformance.servers import TLS, Server, empty, kept, kinds, running, startable
from tests.conformance.wire import Line, Lines, Upstream, echo, lines, upstreams

# Here --strict changes nothing but what tests that ask for `server` know of; the rest need not take its time twice.
SAME_IF_STRICT = ("test_toxic_", "test_data_plane", "test_garbage")


def same_if_strict(item: pytest.Item) -> bool:
    """Say whether a test would only repeat what it says of the embedded server."""
    return (
        isinstance(item, pytest.Function)
        and item.path.name.startswith(SAME_IF_STRICT)
        and "server" not in inspect.signature(item.function).parameters
        and item.callspec.params.get("shared_server") == "strict"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark all of this folder, which opens sockets and starts servers, and leave out repetitions."""
    ours = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    for item in ours:
        item.add_marker(pytest.mark.integration)
    repeated = [item for item in ours if hasattr(item, "callspec") and same_if_strict(item)]
    config.hook.pytest_deselected(items=repeated)
    items[:] = [item for item in items if item not in repeated]


@pytest.fixture(scope="session")
def server_of() -> Iterator[Callable[[str], Server]]:
    with kept() as get:
        yield get


@pytest.fixture(scope="session", params=kinds())
def shared_server(request: pytest.FixtureRequest, server_of: Callable[[str], Server]) -> Server:
    return server_of(request.param)


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """Yield a server without proxies; what a test creates is deleted after it."""
    yield shared_server
    empty(shared_server)


@pytest.fixture(params=startable())
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Yield a server that the test may end."""
    with running(request.param) as server:
        yield server


@pytest.fixture
async def http(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=TLS, timeout=30) as client:
        yield client


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with upstreams() as serve:
        yield serve


@pytest.fixture
async def line_through() -> AsyncIterator[Lines]:
    async with lines() as create:
        yield create


@pytest.fixture
def line(http: httpx.AsyncClient, line_through: Lines) -> Callable[[str], Awaitable[Line]]:
    """Return a function that creates a proxy to an upstream."""
    return lambda address: line_through(http, "p", address)


@pytest.fixture
async def echo_line(upstream: Upstream, line: Callable[[str], Awaitable[Line]]) -> Line:
    """Return a proxy to a server that sends everything back."""
    return await line(await upstream(echo))


@pytest.fixture
async def own_line(own_server: Server, upstream: Upstream, line_through: Lines) -> AsyncIterator[Line]:
    """Yield a proxy of the server that the test may end, to a server that sends everything back."""
    async with httpx.AsyncClient(base_url=own_server.url, trust_env=False, verify=TLS, timeout=30) as client:
        yield await line_through(client, "p", await upstream(echo))
