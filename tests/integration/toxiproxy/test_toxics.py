"""What each toxic does to real connections, and what taking it out does."""

import asyncio
import contextlib
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.integration

# For waits that end by an event; only a failing test sees it.
BOUND_S = 20.0


def now() -> float:
    return time.monotonic()  # noqa: TID251 - real sockets take real time


async def add(http: httpx.AsyncClient, line: Any, kind: str, **more: Any) -> None:
    answer = await http.post(f"/proxies/{line.name}/toxics", json={"type": kind, **more})
    assert answer.status_code == 200, answer.text


async def remove(http: httpx.AsyncClient, line: Any, name: str) -> None:
    assert (await http.delete(f"/proxies/{line.name}/toxics/{name}")).status_code == 204


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes = b"ping") -> float:
    """Send, receive the same back, return the seconds it took."""
    start_s = now()
    writer.write(data)
    async with asyncio.timeout(BOUND_S):
        assert await reader.readexactly(len(data)) == data
    return now() - start_s


async def silent(reader: asyncio.StreamReader, for_s: float) -> bool:
    """Say whether nothing, not even an end, comes within `for_s`."""
    try:
        async with asyncio.timeout(for_s):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


async def ended(reader: asyncio.StreamReader) -> bytes:
    """Return what comes before the end."""
    async with asyncio.timeout(BOUND_S):
        return await reader.read(-1)


async def test_without_a_toxic_bytes_pass_both_ways(echo_line: Any) -> None:
    """A proxy without toxics passes what it gets."""
    reader, writer = await echo_line.connect()
    for size in (1, 64, 1_000_000):
        await exchange(reader, writer, bytes(range(256)) * (size // 256 + 1))


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
async def test_latency_delays_a_live_connection_at_once(http: httpx.AsyncClient, echo_line: Any, stream: str) -> None:
    """An open connection feels the delay from the next byte on, and is free of it once the toxic is out."""
    reader, writer = await echo_line.connect()
    before_s = await exchange(reader, writer)
    await add(http, echo_line, "latency", name="slow", stream=stream, attributes={"latency": 300})
    during_s = [await exchange(reader, writer) for _ in range(3)]
    await remove(http, echo_line, "slow")
    after_s = await exchange(reader, writer)
    assert min(during_s) >= 0.3
    assert max(before_s, after_s) < 0.3


async def test_two_latencies_add_up(http: httpx.AsyncClient, echo_line: Any) -> None:
    """A second latency counts from the instant at which the first one lets go."""
    for name, latency_ms in (("a", 200), ("b", 100)):
        await add(http, echo_line, "latency", name=name, attributes={"latency": latency_ms})
    reader, writer = await echo_line.connect()
    assert await exchange(reader, writer) >= 0.3


async def test_latency_is_a_pipeline(http: httpx.AsyncClient, echo_line: Any) -> None:
    """Forty messages under a delay of 250 ms take about one delay, not forty, and keep their order."""
    await add(http, echo_line, "latency", attributes={"latency": 250})
    reader, writer = await echo_line.connect()
    start_s = now()
    sent = b""
    for number in range(40):
        message = struct.pack(">I", number) * 8
        sent += message
        writer.write(message)
        await asyncio.sleep(0.005)
    async with asyncio.timeout(BOUND_S):
        assert await reader.readexactly(len(sent)) == sent
    assert 0.25 <= now() - start_s < 40 * 0.25 / 2


async def test_jitter_keeps_the_order(http: httpx.AsyncClient, echo_line: Any) -> None:
    """Delays drawn at random never let a later byte overtake an earlier one."""
    await add(http, echo_line, "latency", attributes={"latency": 30, "jitter": 30})
    reader, writer = await echo_line.connect()
    sent = b"".join(struct.pack(">I", number) for number in range(200))
    for start in range(0, len(sent), 4):
        writer.write(sent[start : start + 4])
        await asyncio.sleep(0.001)
    async with asyncio.timeout(BOUND_S):
        assert await reader.readexactly(len(sent)) == sent


async def test_removing_latency_lets_go_what_it_holds(http: httpx.AsyncClient, echo_line: Any) -> None:
    """A chunk that would wait a minute arrives when the toxic goes, whole and before what follows."""
    await add(http, echo_line, "latency", name="slow", attributes={"latency": 60_000})
    reader, writer = await echo_line.connect()
    writer.write(b"first,")
    assert await silent(reader, 0.3)
    await remove(http, echo_line, "slow")
    writer.write(b"second")
    async with asyncio.timeout(BOUND_S):
        assert await reader.readexactly(12) == b"first,second"


async def test_an_end_waits_behind_delayed_data(http: httpx.AsyncClient, upstream: Any, line: Any) -> None:
    """A server that answers and closes: its answer comes first, late, and then the end."""

    async def answer_and_close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")

    proxy = await line("bye", await upstream(answer_and_close))
    await add(http, proxy, "latency", attributes={"latency": 300})
    start_s = now()
    reader, _ = await proxy.connect()
    assert await ended(reader) == b"bye"
    assert now() - start_s >= 0.3


async def test_bandwidth_holds_the_rate(http: httpx.AsyncClient, echo_line: Any) -> None:
    """50 000 bytes at 100 KB/s take half a second or more; without the toxic, a fraction of it."""
    reader, writer = await echo_line.connect()
    free_s = await exchange(reader, writer, b"x" * 50_000)
    await add(http, echo_line, "bandwidth", name="thin", attributes={"rate": 100})
    thin_s = await exchange(reader, writer, b"x" * 50_000)
    await remove(http, echo_line, "thin")
    after_s = await exchange(reader, writer, b"x" * 50_000)
    # The original counts a piece of 100 ms as paid whatever it took, so a little may come early.
    assert thin_s >= 0.45
    assert max(free_s, after_s) < thin_s


async def test_bandwidth_zero_passes_nothing_until_it_goes(http: httpx.AsyncClient, echo_line: Any) -> None:
    """At rate 0 a connection hangs; taking the toxic out delivers what was held."""
    await add(http, echo_line, "bandwidth", name="shut", attributes={"rate": 0})
    reader, writer = await echo_line.connect()
    writer.write(b"held")
    assert await silent(reader, 0.4)
    await remove(http, echo_line, "shut")
    async with asyncio.timeout(BOUND_S):
        assert await reader.readexactly(4) == b"held"


async def test_bandwidth_slows_the_sender(http: httpx.AsyncClient, upstream: Any, line: Any) -> None:
    """A sender cannot push without end into a link that passes nothing: what is held is bounded."""

    async def swallow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            pass

    proxy = await line("swallow", await upstream(swallow))
    await add(http, proxy, "bandwidth", stream="upstream", attributes={"rate": 0})
    _, writer = await proxy.connect()
    sent = 0

    async def push() -> None:
        nonlocal sent
        while sent < 256_000_000:
            writer.write(b"x" * 100_000)
            sent += 100_000
            await writer.drain()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(push(), timeout=1.5)
    assert sent < 64_000_000


async def test_timeout_drops_data_and_closes_after_silence(http: httpx.AsyncClient, echo_line: Any) -> None:
    """Nothing passes; the connection is closed that long after it was made."""
    await add(http, echo_line, "timeout", attributes={"timeout": 300})
    start_s = now()
    reader, _ = await echo_line.connect()
    assert await ended(reader) == b""
    assert now() - start_s >= 0.3


async def test_each_dropped_chunk_restarts_the_timeout(http: httpx.AsyncClient, echo_line: Any) -> None:
    """Data every 100 ms keeps a connection open under a timeout of 600 ms; the silence after it closes it."""
    await add(http, echo_line, "timeout", attributes={"timeout": 600})
    start_s = now()
    reader, writer = await echo_line.connect()
    for _ in range(10):
        writer.write(b"x")
        await asyncio.sleep(0.1)
    last_s = now() - start_s
    assert await ended(reader) == b""
    assert now() - start_s >= last_s + 0.4


async def test_timeout_zero_hangs_until_it_is_removed_and_then_closes(http: httpx.AsyncClient, echo_line: Any) -> None:
    """Timeout 0 never closes by itself; removing it does, because data is missing from the stream."""
    reader, writer = await echo_line.connect()
    await exchange(reader, writer)
    await add(http, echo_line, "timeout", name="mute")
    writer.write(b"lost")
    assert await silent(reader, 0.5)
    await remove(http, echo_line, "mute")
    assert await ended(reader) == b""
    reader, writer = await echo_line.connect()
    await exchange(reader, writer)


async def test_reset_closes_what_a_timeout_had_muted(http: httpx.AsyncClient, echo_line: Any) -> None:
    """POST /reset removes a timeout like DELETE does."""
    await add(http, echo_line, "timeout", stream="upstream")
    reader, writer = await echo_line.connect()
    writer.write(b"lost")
    assert await silent(reader, 0.3)
    assert (await http.post("/reset")).status_code == 204
    assert await ended(reader) == b""


async def test_reset_peer_resets(http: httpx.AsyncClient, echo_line: Any) -> None:
    """A connection made under reset_peer is reset, not closed, that long after its first data."""
    await add(http, echo_line, "reset_peer", name="reset", attributes={"timeout": 200})
    reader, writer = await echo_line.connect()
    assert await silent(reader, 0.3)
    start_s = now()
    writer.write(b"x")
    with pytest.raises(ConnectionResetError):
        await ended(reader)
    assert now() - start_s >= 0.2
    await remove(http, echo_line, "reset")
    reader, writer = await echo_line.connect()
    await exchange(reader, writer)


async def test_reset_peer_on_a_live_connection_ends_it(
    http: httpx.AsyncClient, echo_line: Any, toxiproxy_server: Any
) -> None:
    """A connection that was there before the toxic is reset too; the original closes it in the ordinary way."""
    reader, writer = await echo_line.connect()
    await exchange(reader, writer)
    await add(http, echo_line, "reset_peer")
    writer.write(b"x")
    if toxiproxy_server.embedded:
        with pytest.raises(ConnectionResetError):
            await ended(reader)
    else:
        assert await ended(reader) == b""


async def test_noop_changes_nothing(http: httpx.AsyncClient, echo_line: Any) -> None:
    """The do-nothing toxic passes everything."""
    reader, writer = await echo_line.connect()
    await add(http, echo_line, "noop", name="noop")
    await exchange(reader, writer, b"x" * 100_000)
    await remove(http, echo_line, "noop")
    await exchange(reader, writer)


async def test_toxicity_zero_spares_and_an_update_rolls_again(http: httpx.AsyncClient, echo_line: Any) -> None:
    """At toxicity 0 a toxic does nothing; set to 1, it reaches connections that it had spared."""
    await add(http, echo_line, "latency", name="slow", toxicity=0, attributes={"latency": 400})
    reader, writer = await echo_line.connect()
    assert await exchange(reader, writer) < 0.4
    await http.patch("/proxies/echo/toxics/slow", json={"toxicity": 1})
    assert await exchange(reader, writer) >= 0.4
    await http.patch("/proxies/echo/toxics/slow", json={"attributes": {"latency": 0}})
    assert await exchange(reader, writer) < 0.4


async def test_toxicity_is_a_share_of_connections(http: httpx.AsyncClient, echo_line: Any) -> None:
    """At toxicity 0.5 some connections feel the toxic and some do not, and each keeps to it."""
    await add(http, echo_line, "timeout", toxicity=0.5)

    async def hangs() -> bool:
        reader, writer = await echo_line.connect()
        writer.write(b"x")
        return await silent(reader, 0.5)

    hung = await asyncio.gather(*(hangs() for _ in range(40)))
    assert 0 < sum(hung) < 40


async def test_disabled_refuses_and_cuts(http: httpx.AsyncClient, echo_line: Any) -> None:
    """A disabled proxy refuses connections and closes those it has; enabled, it takes them on the same port."""
    reader, writer = await echo_line.connect()
    await exchange(reader, writer)
    await http.post("/proxies/echo", json={"enabled": False})
    with contextlib.suppress(ConnectionResetError):
        assert await ended(reader) == b""
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            await echo_line.connect()
    await http.post("/proxies/echo", json={"enabled": True})
    reader, writer = await echo_line.connect()
    await exchange(reader, writer)


async def test_a_deleted_proxy_refuses_and_cuts(http: httpx.AsyncClient, echo_line: Any) -> None:
    """Deleting a proxy closes its port and its connections."""
    reader, writer = await echo_line.connect()
    await exchange(reader, writer)
    assert (await http.delete("/proxies/echo")).status_code == 204
    with contextlib.suppress(ConnectionResetError):
        assert await ended(reader) == b""
    with pytest.raises(ConnectionRefusedError):
        await echo_line.connect()


async def test_an_upstream_that_refuses_is_an_end(line: Callable[[str, str], Awaitable[Any]]) -> None:
    """Nobody behind the proxy: the client connects and is closed, it is never refused."""
    proxy = await line("nobody", "127.0.0.1:1")
    reader, _ = await proxy.connect()
    assert await ended(reader) == b""


async def test_a_changed_upstream_cuts_and_keeps_toxics(http: httpx.AsyncClient, echo_line: Any, upstream: Any) -> None:
    """Open connections end when the upstream changes; new ones go to the new one, under the same toxics."""

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            writer.write(b"other")

    reader, writer = await echo_line.connect()
    await exchange(reader, writer)
    await add(http, echo_line, "latency", attributes={"latency": 200})
    await http.patch("/proxies/echo", json={"upstream": await upstream(other)})
    with contextlib.suppress(ConnectionResetError):
        assert await ended(reader) == b""
    reader, writer = await echo_line.connect()
    start_s = now()
    writer.write(b"x")
    assert await reader.readexactly(5) == b"other"
    assert now() - start_s >= 0.2


async def test_data_sent_before_the_upstream_is_there_is_kept(echo_line: Any) -> None:
    """What a client sends with its connect arrives, many clients at once."""

    async def one(number: int) -> None:
        reader, writer = await echo_line.connect()
        await exchange(reader, writer, struct.pack(">I", number) * 5_000)

    await asyncio.gather(*(one(number) for number in range(100)))
