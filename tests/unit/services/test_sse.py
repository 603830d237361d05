"""An answer that goes on: it ends with its chunks, with its client, or where the client takes nothing."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from services.common.sse import EventStream, event


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


async def test_a_failure_of_the_source_is_raised() -> None:
    async def broken() -> AsyncGenerator[bytes]:
        yield b"x"
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await answered(Line(takes=10), broken())
