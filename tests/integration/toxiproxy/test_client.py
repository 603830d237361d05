"""The lab's client: bounded, honest about errors, and one per server."""

import asyncio
import contextlib
import gc
from typing import Any

import httpx
import pytest
import toxiproxy
import toxiproxy.proxy
import toxiproxy.server
from toxiproxy.api import APIConsumer

from chaos.errors import ToxiproxyError
from chaos.toxiproxy.client import Proxy, ToxicState, ToxiproxyClient
from tests.conformance.servers import Server

pytestmark = pytest.mark.integration


async def add_latency(client: ToxiproxyClient, proxy: str, name: str = "slow") -> None:
    await client.add_toxic(
        proxy, name=name, type="latency", stream="upstream", toxicity=0.5, attributes={"latency": 80, "jitter": 5}
    )


async def test_proxies_are_read_back_with_their_toxics(client: ToxiproxyClient, echo_line: Any) -> None:
    """One call returns every proxy with its state and its toxics."""
    await add_latency(client, "echo")
    await client.set_enabled("echo", enabled=False)
    (proxy,) = (await client.proxies()).values()
    slow = ToxicState("slow", "latency", "upstream", 0.5, {"latency": 80, "jitter": 5})
    listen = f"{echo_line.host}:{echo_line.port}"
    assert proxy == Proxy("echo", listen, proxy.upstream, enabled=False, toxics=(slow,))
    await client.remove_toxic("echo", "slow")
    await client.set_enabled("echo", enabled=True)
    assert (await client.proxies())["echo"] == Proxy("echo", listen, proxy.upstream, enabled=True, toxics=())


async def test_reset(client: ToxiproxyClient, echo_line: Any) -> None:
    """A reset leaves neither toxics nor disabled proxies."""
    await add_latency(client, "echo")
    await client.set_enabled("echo", enabled=False)
    await client.reset()
    proxy = (await client.proxies())["echo"]
    assert (proxy.enabled, proxy.toxics) == (True, ())


async def test_version(client: ToxiproxyClient, toxiproxy_server: Any) -> None:
    """The version is text."""
    version = await client.version()
    assert version
    assert version.endswith("-embedded") == toxiproxy_server.embedded


async def test_the_server_s_reason_reaches_the_caller(client: ToxiproxyClient, echo_line: Any) -> None:
    """404, 409, 400 and 500 are ToxiproxyErrors with the server's message, the address and the deed."""
    await add_latency(client, "echo")
    with pytest.raises(ToxiproxyError, match=r"127\.0\.0\.1:\d+: remove toxic x from echo: toxic not found"):
        await client.remove_toxic("echo", "x")
    with pytest.raises(ToxiproxyError, match="add toxic slow to nobody: proxy not found"):
        await add_latency(client, "nobody")
    with pytest.raises(ToxiproxyError, match="toxic already exists"):
        await add_latency(client, "echo")
    with pytest.raises(ToxiproxyError, match="invalid toxic type"):
        await client.add_toxic("echo", name="x", type="nope", stream="upstream", toxicity=1, attributes={})


async def test_a_500_is_an_error(client: ToxiproxyClient, http: httpx.AsyncClient, echo_line: Any) -> None:
    """A proxy that cannot listen again is not taken for enabled."""
    await client.set_enabled("echo", enabled=False)
    thief = await asyncio.start_server(lambda _, writer: writer.close(), echo_line.host, echo_line.port)
    with pytest.raises(ToxiproxyError, match=r"enable echo: listen tcp .* address already in use"):
        await client.set_enabled("echo", enabled=True)
    thief.close()
    await thief.wait_closed()


@pytest.mark.parametrize("name", ["a b", "ä", "50%", "a?b", "a#b", "naive.orders_to_postgres"])
async def test_names_are_quoted(client: ToxiproxyClient, http: httpx.AsyncClient, name: str) -> None:
    """Names of proxies and toxics may hold what a path may not."""
    await http.post("/proxies", json={"name": name, "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"})
    await add_latency(client, name, name)
    await client.set_enabled(name, enabled=False)
    assert [toxic.name for toxic in (await client.proxies())[name].toxics] == [name]
    await client.remove_toxic(name, name)
    assert (await client.proxies())[name].toxics == ()


async def test_two_servers_do_not_mix(toxiproxy_server: Any, second_server: Any) -> None:
    """Calls that overlap in time reach each the server of its own client."""
    async with (
        ToxiproxyClient(toxiproxy_server.url, timeout_s=10) as first,
        ToxiproxyClient(second_server.url, timeout_s=10) as second,
    ):
        servers = {"first": (first, toxiproxy_server), "second": (second, second_server)}
        for name, (_, server) in servers.items():
            body = {"name": name, "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}
            async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
                assert (await http.post("/proxies", json=body)).status_code == 201
        await asyncio.gather(
            *(add_latency(client, name, str(number)) for number in range(10) for name, (client, _) in servers.items())
        )
        for name, (client, _) in servers.items():
            proxies = await client.proxies()
            assert list(proxies) == [name]
            assert len(proxies[name].toxics) == 10


async def test_a_client_of_one_server_leaves_the_package_to_another(
    monkeypatch: pytest.MonkeyPatch, second_server: Server, toxiproxy_server: Server
) -> None:
    """Who uses toxiproxy-python directly, beside our client, goes on asking the server that it was told."""
    monkeypatch.setattr(APIConsumer, "host", "127.0.0.1")
    monkeypatch.setattr(APIConsumer, "port", toxiproxy_server.port)
    for module in (toxiproxy.server, toxiproxy.proxy):
        monkeypatch.setattr(module, "APIConsumer", APIConsumer)
    package = toxiproxy.Toxiproxy()
    async with ToxiproxyClient(second_server.url, timeout_s=10) as client:
        await client.reset()
        await asyncio.to_thread(package.create, name="mine", upstream="127.0.0.1:1")
        assert await client.proxies() == {}
        assert list(await asyncio.to_thread(package.proxies)) == ["mine"]


async def test_a_server_that_does_not_answer_is_an_error_in_time(upstream: Any) -> None:
    """A server that takes the request and says nothing is given up after `timeout_s`."""

    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    async with ToxiproxyClient(f"http://{await upstream(mute)}", timeout_s=0.3) as client:
        with pytest.raises(ToxiproxyError, match=r"list proxies: no answer within 0\.3 s"):
            await client.proxies()
        await client.settled()


async def test_what_becomes_of_a_request_whose_caller_has_left_is_nobodys_news(upstream: Any) -> None:
    """It fails at its own bound, after the caller was told; asyncio prints nothing of it."""
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    left = asyncio.Event()

    async def breaks(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await left.wait()
        writer.close()

    async with ToxiproxyClient(f"http://{await upstream(breaks)}", timeout_s=5) as client:
        caller = asyncio.create_task(client.version())
        await asyncio.sleep(0.1)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        left.set()
        await client.settled()
    await asyncio.sleep(0)
    del caller
    gc.collect()

    assert told == []


async def test_a_server_that_drips_is_an_error_in_time(upstream: Any) -> None:
    """A byte now and then does not renew the bound."""

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                writer.write(b"H")
                await writer.drain()
                await asyncio.sleep(0.05)

    async with ToxiproxyClient(f"http://{await upstream(drip)}", timeout_s=0.4) as client:
        with pytest.raises(ToxiproxyError, match="no answer within"):
            async with asyncio.timeout(10):
                await client.version()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "something else than Toxiproxy's JSON"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<htm>", "something else than Toxiproxy's JSON"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a":{}}', "something else than Toxiproxy's JSON"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy", "ServerError"),
        (b"garbage\r\n\r\n", "cannot be reached"),
    ],
)
async def test_somebody_else_at_the_address(upstream: Any, answer: bytes, reason: str) -> None:
    """A server that is no Toxiproxy is an error, not a crash."""

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    async with ToxiproxyClient(f"http://{await upstream(other)}", timeout_s=5) as client:
        with pytest.raises(ToxiproxyError, match=reason):
            await client.proxies()


async def test_nobody_at_the_address() -> None:
    """A refused connection is an error that names the address."""
    async with ToxiproxyClient("http://127.0.0.1:1", timeout_s=5) as client:
        with pytest.raises(ToxiproxyError, match=r"127\.0\.0\.1:1: reset: cannot be reached"):
            await client.reset()


async def test_a_proxy_of_the_environment_is_ignored(client: ToxiproxyClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY does not lead the client away from the loopback."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert await client.version()


async def test_settled_waits_for_a_cancelled_caller_s_request(upstream: Any) -> None:
    """A request goes on in its thread when its caller is cancelled; `settled` waits until it has ended."""
    let_go, ended = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await let_go.wait()
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        ended.set()

    async with ToxiproxyClient(f"http://{await upstream(slow)}", timeout_s=10) as client:
        call = asyncio.create_task(client.reset())
        await asyncio.sleep(0.2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        settling = asyncio.create_task(client.settled())
        await asyncio.sleep(0.1)
        assert not settling.done()
        let_go.set()
        async with asyncio.timeout(10):
            await settling
        assert ended.is_set()


@pytest.mark.parametrize("url", ["127.0.0.1:8474", "https://127.0.0.1:8474", "http://", ""])
def test_an_address_that_cannot_be_meant_is_refused(url: str) -> None:
    """The address is checked when the client is made."""
    with pytest.raises(ToxiproxyError, match="must look like"):
        ToxiproxyClient(url, timeout_s=1)


def test_a_bound_is_needed() -> None:
    """A client without a positive bound is refused."""
    with pytest.raises(ToxiproxyError, match=r"timeout_s .* above 0, not 0"):
        ToxiproxyClient("http://127.0.0.1:8474", timeout_s=0)
