"""bandwidth, slicer, noop: toxics that reshape a stream and lose nothing of it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.conformance.wire import BOUND_S, Line, Reader, Upstream, Writer, exchange, greet, now, silent

Lines = Callable[[str], Awaitable[Line]]


async def test_bandwidth_holds_the_rate(echo_line: Line) -> None:
    """30 000 bytes at 100 KB/s take 0.3 s or more; without the toxic, a fraction of it."""
    reader, writer = await echo_line.connect()
    free_s = await exchange(reader, writer, b"x" * 30_000)
    await echo_line.add("bandwidth", attributes={"rate": 100})
    thin_s = await exchange(reader, writer, b"x" * 30_000)
    await echo_line.remove()
    after_s = await exchange(reader, writer, b"x" * 30_000)
    # The original counts a piece of 100 ms as paid whatever it took, so a little may come early.
    assert thin_s >= 0.27
    assert max(free_s, after_s) < thin_s


async def test_bandwidth_zero_passes_nothing_until_it_goes(upstream: Upstream, line: Lines) -> None:
    """At rate 0 a connection hangs, its end too; taking the toxic out delivers both."""
    proxy = await line(await upstream(greet))
    await proxy.add("bandwidth")
    reader, _ = await proxy.connect()
    assert await silent(reader, 0.3)
    await proxy.remove()
    async with asyncio.timeout(BOUND_S):
        assert await reader.read(-1) == b"hello"


async def test_bandwidth_updated_lets_go(echo_line: Line) -> None:
    """A rate raised from 0 delivers what waited."""
    await echo_line.add("bandwidth", stream="upstream")
    reader, writer = await echo_line.connect()
    writer.write(b"held")
    assert await silent(reader, 0.2)
    await echo_line.patch(attributes={"rate": 1_000})
    async with asyncio.timeout(BOUND_S):
        assert await reader.readexactly(4) == b"held"


async def test_bandwidth_slows_the_sender(upstream: Upstream, line: Lines) -> None:
    """A sender cannot push without end into a link that passes nothing: what is held is bounded."""

    async def swallow(reader: Reader, _: Writer) -> None:
        while await reader.read(65_536):
            pass

    proxy = await line(await upstream(swallow))
    await proxy.add("bandwidth", stream="upstream", attributes={"rate": 0})
    _, writer = await proxy.connect()
    sent = 0

    async def push() -> None:
        nonlocal sent
        while sent < 256_000_000:
            writer.write(b"x" * 100_000)
            sent += 100_000
            await writer.drain()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(push(), timeout=0.8)
    assert sent < 64_000_000


SLICES = {"average_size": 100, "size_variation": 20, "delay": 20_000}


async def slices(reader: Reader, size: int) -> list[int]:
    """Return the sizes of the pieces in which `size` bytes come, when each has time to come alone."""
    sizes: list[int] = []
    while sum(sizes) < size:
        async with asyncio.timeout(BOUND_S):
            sizes.append(len(await reader.read(65_536)))
    return sizes


async def test_slicer_cuts_and_delays(echo_line: Line) -> None:
    """1000 bytes in pieces of 100 +- 20, 20 ms after each: ten to sixteen pieces, and their pauses."""
    await echo_line.add("slicer", attributes=SLICES)
    reader, writer = await echo_line.connect()
    start_s = now()
    writer.write(bytes(range(250)) * 4)
    sizes = await slices(reader, 1_000)
    # A busy reader may find two pieces together.
    assert 5 <= len(sizes) <= 20
    assert now() - start_s >= 7 * 0.02
    # The last piece has its pause too: what follows waits for it.
    assert await exchange(reader, writer) > 0


async def test_slicer_removed_hands_on_the_rest(echo_line: Line) -> None:
    """With a minute after each piece, the first is there and the rest comes when the toxic goes, in order."""
    data = bytes(range(250)) * 4
    await echo_line.add("slicer", attributes={**SLICES, "delay": 60_000_000})
    reader, writer = await echo_line.connect()
    writer.write(data)
    async with asyncio.timeout(BOUND_S):
        first = await reader.read(1_000)
    assert len(first) <= 120
    assert await silent(reader, 0.2)
    await echo_line.remove()
    async with asyncio.timeout(BOUND_S):
        assert first + await reader.readexactly(1_000 - len(first)) == data


async def test_slicer_without_a_delay_keeps_every_byte(echo_line: Line) -> None:
    """Half a megabyte in small pieces is the same half megabyte."""
    await echo_line.add("slicer", attributes={"average_size": 500, "size_variation": 100})
    await exchange(*await echo_line.connect(), bytes(range(256)) * 2_000)


async def test_slicer_on_a_live_connection(echo_line: Line) -> None:
    """Added and updated under an open connection, it works from the next byte on."""
    reader, writer = await echo_line.connect()
    await exchange(reader, writer)
    await echo_line.add("slicer", attributes={"average_size": 10, "delay": 30_000})
    assert await exchange(reader, writer, b"x" * 80) >= 0.15
    await echo_line.patch(attributes={"average_size": 1_000_000, "delay": 0})
    await exchange(reader, writer, b"x" * 1_000)


async def test_noop_changes_nothing(echo_line: Line) -> None:
    """The do-nothing toxic passes everything."""
    reader, writer = await echo_line.connect()
    await echo_line.add("noop")
    await exchange(reader, writer, b"x" * 100_000)
    await echo_line.remove()
    await exchange(reader, writer)
