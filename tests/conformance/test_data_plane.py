"""What a proxy does to connections, without toxics."""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Awaitable, Callable

import httpx
import pytest

from tests.conformance.servers import Server
from tests.conformance.wire import BOUND_S, Line, Reader, Upstream, Writer, echo, ended, ending, exchange, now

Lines = Callable[[str], Awaitable[Line]]


async def test_bytes_pass_both_ways(echo_line: Line) -> None:
    """A proxy without toxics passes what it gets, small and large."""
    reader, writer = await echo_line.connect()
    for size in (1, 64, 1_000_000):
        await exchange(reader, writer, bytes(range(256)) * (size // 256 + 1))


async def test_data_sent_before_the_upstream_is_there_is_kept(echo_line: Line) -> None:
    """What a client sends with its connect arrives, many clients at once."""

    async def one(number: int) -> None:
        reader, writer = await echo_line.connect()
        await exchange(reader, writer, struct.pack(">I", number) * 5_000)

    await asyncio.gather(*(one(number) for number in range(60)))


async def test_an_upstream_that_refuses_is_an_end(line: Lines) -> None:
    """Nobody behind the proxy: the client connects and is closed, it is never refused."""
    reader, _ = await (await line("127.0.0.1:1")).connect()
    assert await ending(reader) == "end"


async def test_the_servers_end_comes_behind_its_data(upstream: Upstream, line: Lines) -> None:
    """A server that answers and closes: its answer arrives whole, then the end."""

    async def answer(_: Reader, writer: Writer) -> None:
        writer.write(b"x" * 300_000)

    reader, _ = await (await line(await upstream(answer))).connect()
    assert await ended(reader) == b"x" * 300_000


async def test_the_clients_end_reaches_the_server(upstream: Upstream, line: Lines) -> None:
    """A client that sends and closes: the server gets the data, then the end."""
    got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def keep(reader: Reader, _: Writer) -> None:
        got.set_result(await reader.read(-1))

    _, writer = await (await line(await upstream(keep))).connect()
    writer.write(b"all")
    writer.close()
    async with asyncio.timeout(BOUND_S):
        assert await got == b"all"


async def test_half_close(server: Server, upstream: Upstream, line: Lines) -> None:
    """A client that has sent all and still reads: the original loses the answer, ours delivers it."""

    async def answer_at_the_end(reader: Reader, writer: Writer) -> None:
        request = await reader.read(-1)
        await asyncio.sleep(0.1)
        writer.write(b"answer to " + request)
        await writer.drain()

    reader, writer = await (await line(await upstream(answer_at_the_end))).connect()
    writer.write(b"request" * 50_000)
    writer.write_eof()
    assert await ended(reader) == (b"answer to " + b"request" * 50_000 if server.differs("half-close") else b"")


async def test_a_dial_that_hangs(server: Server, http: httpx.AsyncClient, line: Lines) -> None:
    """While a dial hangs, the original's proxy cannot be disabled; ours is, and others are served."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        proxy = await line(f"127.0.0.1:{full.getsockname()[1]}")
        for _ in range(4):
            await proxy.connect()
        await asyncio.sleep(0.1)
        start_s = now()
        disabled = asyncio.create_task(http.post(proxy.path, json={"enabled": False}))
        done, _ = await asyncio.wait([disabled], timeout=1.0 if not server.differs("dial") else BOUND_S)
        assert bool(done) == server.differs("dial"), now() - start_s
        if done:
            assert disabled.result().json()["enabled"] is False
    # The listener's end lets the dials fail, so that the original comes free.
    async with asyncio.timeout(BOUND_S * 2):
        await disabled


async def test_disabled_refuses_and_cuts(http: httpx.AsyncClient, echo_line: Line) -> None:
    """A disabled proxy refuses connections and closes those it has; enabled, it takes them on the same port."""
    reader, writer = await echo_line.connect()
    await exchange(reader, writer)
    await http.post("/proxies/p", json={"enabled": False})
    assert await ending(reader) in {"end", "reset"}
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            await echo_line.connect()
    await http.post("/proxies/p", json={"enabled": True})
    await exchange(*await echo_line.connect())


async def test_a_deleted_proxy_refuses_and_cuts(http: httpx.AsyncClient, echo_line: Line) -> None:
    """Deleting a proxy closes its port and its connections."""
    reader, writer = await echo_line.connect()
    await exchange(reader, writer)
    assert (await http.delete("/proxies/p")).status_code == 204
    assert await ending(reader) in {"end", "reset"}
    with pytest.raises(ConnectionRefusedError):
        await echo_line.connect()


async def test_an_update_that_changes_nothing_cuts_nothing(http: httpx.AsyncClient, echo_line: Line) -> None:
    """The listen address resolved is compared with the current one; equal, open connections live on."""
    reader, writer = await echo_line.connect()
    await exchange(reader, writer)
    answer = await http.patch("/proxies/p", json={"listen": f"localhost:{echo_line.port}"})
    assert answer.json()["listen"] == f"127.0.0.1:{echo_line.port}"
    await exchange(reader, writer)


@pytest.mark.parametrize("by", ["patch", "populate"])
async def test_a_changed_upstream_cuts(http: httpx.AsyncClient, echo_line: Line, upstream: Upstream, by: str) -> None:
    """Open connections end when the upstream changes and new ones go there; an update keeps toxics, populate drops."""

    async def other(reader: Reader, writer: Writer) -> None:
        while await reader.read(100):
            writer.write(b"other")

    reader, writer = await echo_line.connect()
    await exchange(reader, writer)
    await echo_line.add("latency", attributes={"latency": 200})
    address = await upstream(other)
    if by == "patch":
        await http.patch("/proxies/p", json={"upstream": address})
    else:
        listen = f"127.0.0.1:{echo_line.port}"
        await http.post("/populate", json=[{"name": "p", "listen": listen, "upstream": address}])
    with contextlib.suppress(ConnectionResetError):
        assert await ended(reader) == b""
    reader, writer = await echo_line.connect()
    start_s = now()
    writer.write(b"x")
    assert await reader.readexactly(5) == b"other"
    assert (now() - start_s >= 0.2) == (by == "patch")


async def test_populate_with_the_same_addresses_cuts_nothing(http: httpx.AsyncClient, upstream: Upstream) -> None:
    """An equal proxy is left untouched, open connections too."""
    wanted = {"name": "p", "listen": "127.0.0.1:0", "upstream": await upstream(echo)}
    listen = (await http.post("/populate", json=[wanted])).json()["proxies"][0]["listen"]
    host, _, port = listen.rpartition(":")
    proxy = Line(http, "p", host, int(port))
    reader, writer = await proxy.connect()
    await exchange(reader, writer)
    await http.post("/populate", json=[{**wanted, "listen": listen}])
    await exchange(reader, writer)
    writer.transport.abort()


async def test_four_megabytes_survive_toxics_coming_and_going(echo_line: Line) -> None:
    """They come back identical while latency and bandwidth are added, updated and removed all the time, both ways."""
    data = random.Random(7).randbytes(4_000_000)  # noqa: S311 - data, no secret
    reader, writer = await echo_line.connect()
    rounds = 0

    async def churn() -> None:
        nonlocal rounds
        while True:
            for stream in ("upstream", "downstream"):
                await echo_line.add("latency", name="late", stream=stream, attributes={"latency": 5, "jitter": 3})
                await echo_line.add("bandwidth", name="thin", stream=stream, attributes={"rate": 2_000})
                await echo_line.patch("late", attributes={"latency": 15})
                await echo_line.patch("thin", attributes={"rate": 4_000})
                await asyncio.sleep(0.02)
                await echo_line.remove("late")
                await echo_line.remove("thin")
                rounds += 1

    async def send() -> None:
        for start in range(0, len(data), 20_000):
            writer.write(data[start : start + 20_000])
            await writer.drain()
            await asyncio.sleep(0.001)

    churning, sending = asyncio.create_task(churn()), asyncio.create_task(send())
    async with asyncio.timeout(3 * BOUND_S):
        received = await reader.readexactly(len(data))
        await sending
    assert not churning.done(), churning.exception()
    churning.cancel()
    # The original's DELETE waits while a busy link drains, so it gets through few rounds.
    assert rounds >= 2
    assert received == data
