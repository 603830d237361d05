"""Readiness answers in its time, whatever its checks do."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.common.readiness import Readiness


async def well() -> None:
    return None


async def test_a_late_check_does_not_keep_the_answer() -> None:
    """A check that hangs, and even ignores being cancelled, is reported in time, and the others by their name."""
    freed = asyncio.Event()

    async def stubborn() -> None:
        while not freed.is_set():
            try:
                await freed.wait()
            except asyncio.CancelledError:
                continue

    readiness = Readiness({"good": well, "bad": stubborn}, bound_s=0.01)

    async with asyncio.timeout(10):
        report = await readiness.report()

    assert report == {"good": "ok", "bad": "no answer within 0.01 s"}
    freed.set()


async def test_a_check_runs_once_at_a_time() -> None:
    """Callers who ask while a check runs share it: a silent dependency gathers no crowd."""
    started = 0
    freed = asyncio.Event()

    async def slow() -> None:
        nonlocal started
        started += 1
        await freed.wait()

    readiness = Readiness({"slow": slow}, bound_s=60)
    asking = [asyncio.create_task(readiness.report()) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    freed.set()

    assert await asyncio.gather(*asking) == [{"slow": "ok"}] * 5
    assert started == 1


async def test_a_dependency_that_is_back_is_ready_again() -> None:
    """A check that was given up is asked anew by the next report."""
    silent = asyncio.Event()
    answers: list[Callable[[], Awaitable[object]]] = [silent.wait, well]

    async def changing() -> None:
        await answers.pop(0)()

    readiness = Readiness({"x": changing}, bound_s=0.01)
    assert (await readiness.report())["x"] != "ok"
    # The cancelled check ends at the loop's next turns.
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert await readiness.report() == {"x": "ok"}


@pytest.mark.parametrize("error", [ConnectionError("nobody there"), ConnectionError()])
async def test_a_failing_check_says_what_is_wrong(error: Exception) -> None:
    """The message, or the kind of error where it has none."""

    async def ill() -> None:
        raise error

    assert await Readiness({"x": ill}, bound_s=60).report() == {"x": str(error) or "ConnectionError"}


async def test_closing_leaves_no_check_running() -> None:
    """At the end of the process a running check is cancelled."""
    ended = asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    readiness = Readiness({"slow": slow}, bound_s=0.001)
    await readiness.report()
    await readiness.close()

    async with asyncio.timeout(10):
        await ended.wait()
