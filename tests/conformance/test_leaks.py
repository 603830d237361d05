"""No sequence of API calls, valid or garbage, leaves a socket or a task behind.

The embedded server runs in this very process, so that its tasks and descriptors can be counted.
"""

import asyncio
import contextlib
import os

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from chaos.toxiproxy.server.flags import parse
from chaos.toxiproxy.server.serving import serve
from tests.conformance.calls import Call, calls
from tests.conformance.servers import TLS
from tests.conformance.wire import BOUND_S, Upstream, abort, echo, upstreams
from tests.ports import free_port

DESCRIPTORS = "/dev/fd"
pytestmark = pytest.mark.skipif(not os.path.exists(DESCRIPTORS), reason="this system does not list open files")  # noqa: PTH110


def held() -> tuple[int, int]:
    """Return how many files are open and how many tasks there are."""
    return len(os.listdir(DESCRIPTORS)), len(asyncio.all_tasks())  # noqa: PTH208 - a list is all that is wanted


async def settled(wanted: tuple[int, int]) -> tuple[int, int]:
    """Return what is held once it is no more than wanted, or after the bound."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BOUND_S / 4):
            # Descriptors close without an event to wait for.
            while any(now > want for now, want in zip(held(), wanted, strict=True)):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    return held()


async def connect_to_all(http: httpx.AsyncClient) -> None:
    """Open a connection through each proxy that listens, send something, and go away without a word."""
    for proxy in (await http.get("/proxies")).json().values():
        host, _, port = proxy["listen"].rpartition(":")
        if proxy["enabled"] and host in {"127.0.0.1", "[::]"}:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", int(port))
                writer.write(b"hello")
                await asyncio.sleep(0.002)
                await abort([writer])


async def run(sequence: list[Call], serve_upstream: Upstream) -> None:
    """Replay a sequence on a server with connections between the calls; count before and after."""
    address = await serve_upstream(echo)
    port = free_port()
    before = held()
    server = asyncio.create_task(serve(parse(["-host=127.0.0.1", f"-port={port}"])))
    transport = httpx.AsyncHTTPTransport(retries=8, verify=TLS)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=TLS, timeout=10, transport=transport
    ) as http:
        await http.get("/version")
        running = held()
        listens: dict[str, str] = {}
        for call in sequence:
            aimed = Call(call.method, call.path, call.body.replace("x:1", address))
            await aimed.send(http, listens)
            await connect_to_all(http)
            proxies = (await http.get("/proxies")).json()
            listens = {name: proxy["listen"] for name, proxy in proxies.items()}
        for name in listens:
            await http.request("DELETE", httpx.URL("/proxies/").join(name.replace(" ", "%20").replace("&", "%26")))
        assert (await http.get("/proxies")).text == "{}"
        after = await settled(running)
        assert all(now <= then for now, then in zip(after, running, strict=True)), (running, after)
    server.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await server
    after = await settled(before)
    assert all(now <= then for now, then in zip(after, before, strict=True)), (before, after)


async def guarded(sequence: list[Call]) -> None:
    async with upstreams() as serve_upstream:
        await run(sequence, serve_upstream)


@settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(sequence=calls(absurd=True))
def test_nothing_is_left_behind(sequence: list[Call]) -> None:
    """With all proxies deleted the server holds what it held at first; ended, it holds nothing."""
    asyncio.run(guarded(sequence))
