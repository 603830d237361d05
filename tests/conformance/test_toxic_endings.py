"""timeout, reset_peer, slow_close, limit_data: toxics that end a connection."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from tests.conformance.servers import Server
from tests.conformance.wire import (
    BOUND_S,
    Line,
    Reader,
    Upstream,
    Writer,
    ended,
    ending,
    exchange,
    greet,
    now,
    silent,
)

Lines = Callable[[str], Awaitable[Line]]


async def test_timeout_drops_data_and_closes_after_silence(echo_line: Line) -> None:
    """Nothing passes; the connection is closed that long after it was made."""
    await echo_line.add("timeout", attributes={"timeout": 200})
    start_s = now()
    reader, _ = await echo_line.connect()
    assert await ending(reader) == "end"
    assert now() - start_s >= 0.2


async def test_each_dropped_chunk_restarts_the_timeout(echo_line: Line) -> None:
    """Data every 80 ms keeps a connection open under a timeout of 400 ms; the silence after it closes it."""
    await echo_line.add("timeout", attributes={"timeout": 400})
    start_s = now()
    reader, writer = await echo_line.connect()
    for _ in range(8):
        writer.write(b"x")
        await asyncio.sleep(0.08)
    last_s = now() - start_s
    assert await ending(reader) == "end"
    assert now() - start_s >= last_s + 0.2


async def test_timeout_zero_hangs_until_it_is_removed(echo_line: Line) -> None:
    """Timeout 0 never closes by itself; removing it does, because data is missing from the stream."""
    reader, writer = await echo_line.connect()
    await exchange(reader, writer)
    await echo_line.add("timeout", attributes={"timeout": 0})
    writer.write(b"lost")
    assert await silent(reader, 0.3)
    await echo_line.patch(attributes={"timeout": 0})
    assert await silent(reader, 0.1)
    await echo_line.remove()
    assert await ending(reader) == "end"
    await exchange(*await echo_line.connect())


async def test_removing_a_timeout_closes_even_what_it_spared(echo_line: Line) -> None:
    """Toxicity 0 let the connection work; the toxic's end closes it all the same."""
    await echo_line.add("timeout", toxicity=0)
    reader, writer = await echo_line.connect()
    await exchange(reader, writer)
    await echo_line.remove()
    assert await ending(reader) == "end"


async def test_reset_closes_what_a_timeout_had_muted(http: httpx.AsyncClient, echo_line: Line) -> None:
    """POST /reset removes a timeout like DELETE does."""
    await echo_line.add("timeout", stream="upstream")
    reader, writer = await echo_line.connect()
    writer.write(b"lost")
    assert await silent(reader, 0.2)
    assert (await http.post("/reset")).status_code == 204
    assert await ending(reader) == "end"


async def test_reset_peer_resets(echo_line: Line) -> None:
    """A connection made under reset_peer is reset, not closed, that long after its first data."""
    await echo_line.add("reset_peer", attributes={"timeout": 150})
    reader, writer = await echo_line.connect()
    assert await silent(reader, 0.2)
    start_s = now()
    writer.write(b"x")
    assert await ending(reader) == "reset"
    assert now() - start_s >= 0.15
    await echo_line.remove()
    await exchange(*await echo_line.connect())


async def test_reset_peer_resets_the_server_too(upstream: Upstream, line: Lines) -> None:
    """The server's side of the connection is reset as well."""
    seen: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def wait(reader: Reader, _: Writer) -> None:
        seen.set_result(await ending(reader))

    proxy = await line(await upstream(wait))
    await proxy.add("reset_peer", stream="upstream")
    _, writer = await proxy.connect()
    writer.write(b"x")
    async with asyncio.timeout(BOUND_S):
        assert await seen == "reset"


async def test_reset_peer_on_a_live_connection(server: Server, echo_line: Line) -> None:
    """A connection that was there before the toxic: the original ends it in peace, ours resets it."""
    reader, writer = await echo_line.connect()
    await exchange(reader, writer)
    await echo_line.add("reset_peer")
    writer.write(b"x")
    assert await ending(reader) == ("reset" if server.differs("reset-live") else "end")


async def test_slow_close_delays_the_end_alone(upstream: Upstream, line: Lines) -> None:
    """Data comes at once, the end 300 ms later."""
    proxy = await line(await upstream(greet))
    await proxy.add("slow_close", attributes={"delay": 300})
    start_s = now()
    reader, _ = await proxy.connect()
    async with asyncio.timeout(BOUND_S):
        assert await reader.readexactly(5) == b"hello"
    data_s = now() - start_s
    assert await ending(reader) == "end"
    assert now() - start_s >= 0.3
    assert data_s < 0.3


@pytest.mark.parametrize("by", ["remove", "patch"])
async def test_slow_close_gone_or_shortened_ends_a_waiting_connection(upstream: Upstream, line: Lines, by: str) -> None:
    """An end that would wait a minute comes when the toxic goes, or is set to no time."""
    proxy = await line(await upstream(greet))
    await proxy.add("slow_close", attributes={"delay": 60_000})
    reader, _ = await proxy.connect()
    async with asyncio.timeout(BOUND_S):
        assert await reader.readexactly(5) == b"hello"
    assert await silent(reader, 0.2)
    await (proxy.remove() if by == "remove" else proxy.patch(attributes={"delay": 0}))
    assert await ending(reader) == "end"


@pytest.mark.parametrize(("limit", "passed"), [(7, b"1234567"), (10, b"1234567890"), (0, b"")])
async def test_limit_data_passes_so_much_and_closes(echo_line: Line, limit: int, passed: bytes) -> None:
    """Exactly `bytes` pass, per connection; then it is closed. 0 closes at the first byte."""
    await echo_line.add("limit_data", attributes={"bytes": limit})
    for _ in range(2):
        reader, writer = await echo_line.connect()
        assert await silent(reader, 0.05)
        writer.write(b"1234567890")
        assert await ended(reader) == passed


async def test_limit_data_counts_from_when_it_is_added_and_over_updates(echo_line: Line) -> None:
    """What passed before the toxic is free; an update keeps the count, and below it closes at the next data."""
    reader, writer = await echo_line.connect()
    await exchange(reader, writer, b"x" * 100)
    await echo_line.add("limit_data", attributes={"bytes": 50})
    await exchange(reader, writer, b"x" * 20)
    await echo_line.patch(attributes={"bytes": 30})
    await exchange(reader, writer, b"x" * 5)
    await echo_line.patch(attributes={"bytes": 10})
    assert await silent(reader, 0.1)
    writer.write(b"x")
    assert await ending(reader) == "end"


async def test_limit_data_removed_sets_free(echo_line: Line) -> None:
    """Before the limit is reached, the toxic's end lets everything pass."""
    await echo_line.add("limit_data", attributes={"bytes": 10})
    reader, writer = await echo_line.connect()
    await exchange(reader, writer, b"x" * 5)
    await echo_line.remove()
    await exchange(reader, writer, b"x" * 1_000)
