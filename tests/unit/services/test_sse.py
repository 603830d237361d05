"""An answer that goes on: it ends with its chunks, with its client, or where the client takes nothing."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from services.common.sse import LAST, EventStream, event


class Line:
    """A server's side of a request: `takes` messages are taken, and then nothing."""

    def __init__(self, takes: int) -> None:
        self.takes = takes
        self.transport = self
        self.aborted = False
        self.sent: list[Any] = []
        self.leave = asyncio.Event()

    def abort(self) -> None:
        self.aborted = True

    async def receive(self) -> dict[str, Any]:
        await self.leave.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if len(self.sent) == self.takes:
            await asyncio.Event().wait()
        self.sent.append(message)


async def chunks(number: int, *, then_waits: bool = False) -> AsyncGenerator[bytes]:
    for id_ in range(number):
        yield event(id_, "{}")
    if then_waits:
        await asyncio.Event().wait()


async def answered(line: Line, given: AsyncGenerator[bytes], then: Callable[[], None] = lambda: None) -> list[bool]:
    """Answer on a line and return what the end was told."""
    ends: list[bool] = []
    running = asyncio.ensure_future(EventStream(given, send_s=0.05, on_end=ends.append)({}, line.receive, line.send))
    await asyncio.sleep(0)
    then()
    async with asyncio.timeout(10):
        await running
    return ends


async def test_it_ends_with_its_chunks() -> None:
    line = Line(takes=10)
    assert await answered(line, chunks(2)) == [False]
    assert [one.get("body") for one in line.sent] == [None, b"id: 0\ndata: {}\n\n", b"id: 1\ndata: {}\n\n", b""]
    assert not line.aborted


async def test_it_ends_with_its_client() -> None:
    line = Line(takes=10)
    assert await answered(line, chunks(1, then_waits=True), line.leave.set) == [False]
    assert not line.aborted


@pytest.mark.parametrize("takes", [0, 1, 2, 3])
async def test_a_client_that_takes_nothing_more_is_cut_off(takes: int) -> None:
    """At the head, at a chunk, or at the end: a polite close would wait for them for ever."""
    line = Line(takes)
    assert await answered(line, chunks(2)) == [True]
    assert line.aborted


@pytest.mark.parametrize("takes", [2, 10])
async def test_a_server_that_stops_ends_it_well(takes: int) -> None:
    """The client is told of the end where it takes that; nothing is raised, and the source is closed."""
    line, ends = Line(takes), list[bool]()
    source = chunks(1, then_waits=True)
    running = asyncio.ensure_future(EventStream(source, send_s=5, on_end=ends.append)({}, line.receive, line.send))
    await asyncio.sleep(0.01)
    running.cancel()
    async with asyncio.timeout(10):
        await running

    assert ends == [False]
    assert (line.sent[-1] == LAST) == (takes > 2)
    with pytest.raises(StopAsyncIteration):
        await anext(source)


async def test_what_has_ended_when_the_server_stops_is_not_ended_again() -> None:
    line = Line(takes=10)
    stream = EventStream(chunks(0), send_s=5, on_end=lambda _: None)
    running = asyncio.ensure_future(stream({}, line.receive, line.send))
    while LAST not in line.sent:  # noqa: ASYNC110 -- within this very turn of the loop
        await asyncio.sleep(0)
    running.cancel()
    await running

    assert line.sent.count(LAST) == 1


async def test_before_its_head_a_cancelled_one_is_cancelled() -> None:
    """Nobody was promised a stream: whoever stands around it answers that the service stops."""
    line = Line(takes=0)
    running = asyncio.ensure_future(
        EventStream(chunks(1), send_s=5, on_end=lambda _: None)({}, line.receive, line.send)
    )
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_failure_of_the_source_is_raised() -> None:
    async def broken() -> AsyncGenerator[bytes]:
        yield b"x"
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await answered(Line(takes=10), broken())
