"""latency, and two toxics in one chain."""

import asyncio
import struct
from collections.abc import Awaitable, Callable

import pytest

from tests.conformance.servers import Server
from tests.conformance.wire import BOUND_S, Line, Upstream, ended, exchange, greet, now, silent


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
async def test_it_delays_a_live_connection_at_once(echo_line: Line, stream: str) -> None:
    """An open connection feels the delay from the next byte on, and is free of it once the toxic is out."""
    reader, writer = await echo_line.connect()
    before_s = await exchange(reader, writer)
    await echo_line.add("latency", stream=stream, attributes={"latency": 200})
    during_s = [await exchange(reader, writer) for _ in range(2)]
    await echo_line.remove()
    after_s = await exchange(reader, writer)
    assert min(during_s) >= 0.2
    assert max(before_s, after_s) < 0.2


async def test_two_add_up(echo_line: Line) -> None:
    """A second latency counts from the instant at which the first one lets go."""
    for name, latency_ms in (("a", 150), ("b", 100)):
        await echo_line.add("latency", name=name, attributes={"latency": latency_ms})
    assert await exchange(*await echo_line.connect()) >= 0.25


async def test_both_streams_add_up(echo_line: Line) -> None:
    """A toxic on each stream delays a round trip by both."""
    for stream in ("upstream", "downstream"):
        await echo_line.add("latency", name=stream, stream=stream, attributes={"latency": 120})
    assert await exchange(*await echo_line.connect()) >= 0.24


async def test_it_is_a_pipeline(echo_line: Line) -> None:
    """Forty messages under a delay of 250 ms take about one delay, not forty, and keep their order."""
    await echo_line.add("latency", attributes={"latency": 250})
    reader, writer = await echo_line.connect()
    start_s = now()
    sent = b""
    for number in range(40):
        sent += struct.pack(">I", number) * 8
        writer.write(sent[-32:])
        await asyncio.sleep(0.003)
    async with asyncio.timeout(BOUND_S):
        assert await reader.readexactly(len(sent)) == sent
    assert 0.25 <= now() - start_s < 40 * 0.25 / 2


async def test_jitter_keeps_the_order(echo_line: Line) -> None:
    """Delays drawn at random, some of them below 0, never let a later byte overtake an earlier one."""
    await echo_line.add("latency", attributes={"latency": 10, "jitter": 30})
    reader, writer = await echo_line.connect()
    sent = b"".join(struct.pack(">I", number) for number in range(200))
    for start in range(0, len(sent), 4):
        writer.write(sent[start : start + 4])
        await asyncio.sleep(0.0005)
    async with asyncio.timeout(BOUND_S):
        assert await reader.readexactly(len(sent)) == sent


async def test_a_negative_latency_is_none(server: Server, echo_line: Line) -> None:
    """Below 0 data leaves at once, where such a value is taken at all (test_differences.py)."""
    if server.differs("attributes-validated"):
        return
    await echo_line.add("latency", attributes={"latency": -60_000})
    assert await exchange(*await echo_line.connect()) < BOUND_S


async def test_removing_it_lets_go_what_it_holds(echo_line: Line) -> None:
    """A chunk that would wait a minute arrives when the toxic goes, whole and before what follows."""
    await echo_line.add("latency", attributes={"latency": 60_000})
    reader, writer = await echo_line.connect()
    writer.write(b"first,")
    assert await silent(reader, 0.2)
    await echo_line.remove()
    writer.write(b"second")
    async with asyncio.timeout(BOUND_S):
        assert await reader.readexactly(12) == b"first,second"


async def test_an_update_lets_go_the_first_of_what_it_holds(echo_line: Line) -> None:
    """The chunk that is held goes at once; what follows waits by the new value."""
    await echo_line.add("latency", attributes={"latency": 60_000})
    reader, writer = await echo_line.connect()
    writer.write(b"first")
    assert await silent(reader, 0.2)
    await echo_line.patch(attributes={"latency": 150})
    async with asyncio.timeout(BOUND_S):
        assert await reader.readexactly(5) == b"first"
    assert await exchange(reader, writer) >= 0.15


async def test_an_end_waits_behind_data_and_not_without(
    upstream: Upstream, line: Callable[[str], Awaitable[Line]]
) -> None:
    """A server that greets and closes: its greeting comes late, the end behind it. An end alone is not delayed."""
    proxy = await line(await upstream(greet))
    await proxy.add("latency", attributes={"latency": 200})
    start_s = now()
    reader, _ = await proxy.connect()
    assert await ended(reader) == b"hello"
    assert now() - start_s >= 0.2
    await proxy.patch(attributes={"latency": 60_000})
    await proxy.add("latency", name="u", stream="upstream", attributes={"latency": 60_000})
    _, writer = await proxy.connect()
    writer.close()
    await asyncio.wait_for(writer.wait_closed(), BOUND_S)


async def test_toxicity_zero_spares_and_an_update_rolls_again(echo_line: Line) -> None:
    """At toxicity 0 a toxic does nothing; set to 1, it reaches connections that it had spared."""
    await echo_line.add("latency", toxicity=0, attributes={"latency": 300})
    reader, writer = await echo_line.connect()
    assert await exchange(reader, writer) < 0.3
    await echo_line.patch(toxicity=1)
    assert await exchange(reader, writer) >= 0.3
    await echo_line.patch(attributes={"latency": 0})
    assert await exchange(reader, writer) < 0.3


async def test_toxicity_is_a_share_of_connections(echo_line: Line) -> None:
    """At toxicity 0.5 some connections feel the toxic and some do not, and each keeps to it."""
    await echo_line.add("timeout", toxicity=0.5)

    async def hangs() -> bool:
        reader, writer = await echo_line.connect()
        writer.write(b"x")
        return await silent(reader, 0.4)

    hung = await asyncio.gather(*(hangs() for _ in range(40)))
    assert 0 < sum(hung) < 40
