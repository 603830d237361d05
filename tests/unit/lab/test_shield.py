"""Work beside its guard: whoever fails is heard, and neither is left running."""

import asyncio
import gc
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from chaos.shield import beside, first_error, together


class Log:
    """Remembers what ended, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def work(self, turns: int = 1, *, error: Exception | None = None, unclean: Exception | None = None) -> None:
        """Take some turns, then end or raise; either way clean up, which takes two turns and may fail."""
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
            if error is not None:
                raise error
            self.lines.append("worked")
        finally:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.lines.append("cleaned up")
            if unclean is not None:
                raise unclean

    async def guard(self, turns: int | None = None, error: Exception | None = None) -> NoReturn:
        """Look on for ever, or raise after some turns."""
        try:
            while turns is None or turns > 0:
                await asyncio.sleep(0)
                turns = None if turns is None else turns - 1
            raise error or ValueError("the guard gave up")
        finally:
            self.lines.append("guard ended")


@pytest.fixture
def log() -> Log:
    return Log()


async def test_work_that_ends_well_ends_its_guard(log: Log) -> None:
    await beside(log.work(), log.guard())
    assert sorted(log.lines) == ["cleaned up", "guard ended", "worked"]


async def test_what_the_guard_sees_ends_the_work_once_it_has_cleaned_up(log: Log) -> None:
    with pytest.raises(ValueError, match="postgres ended"):
        await beside(log.work(turns=1000), log.guard(2, ValueError("postgres ended")))
    assert log.lines == ["guard ended", "cleaned up"]


async def test_an_error_of_the_work_is_raised(log: Log) -> None:
    with pytest.raises(ValueError, match="not healed"):
        await beside(log.work(error=ValueError("not healed")), log.guard())
    assert "guard ended" in log.lines


async def test_where_both_fail_the_guard_is_heard(log: Log) -> None:
    """The proxy died, so the heal failed: the first is the reason, the second what came of it."""
    unheard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unheard.append(context))
    with pytest.raises(ValueError, match="toxiproxy ended"):
        await beside(
            log.work(turns=1000, unclean=ValueError("not healed")), log.guard(2, ValueError("toxiproxy ended"))
        )
    gc.collect()
    await asyncio.sleep(0)
    assert unheard == []


async def _cancelled(begin: Callable[[], Any]) -> asyncio.Task[None]:
    task: asyncio.Task[None] = asyncio.create_task(begin())
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return task


async def test_a_cancelled_run_waits_for_its_clean_up(log: Log) -> None:
    task = await _cancelled(lambda: beside(log.work(turns=1000), log.guard()))
    assert task.cancelled()
    assert log.lines[-1] == "cleaned up"


async def test_a_clean_up_that_fails_is_told_instead_of_the_cancellation(log: Log) -> None:
    """A fault that stayed in force must not be hidden by the Ctrl-C that came before it."""
    task = await _cancelled(lambda: beside(log.work(turns=1000, unclean=ValueError("not healed")), log.guard()))
    assert str(task.exception()) == "not healed"


async def test_several_guards_are_one(log: Log) -> None:
    with pytest.raises(ValueError, match="disk full"):
        await together(log.guard(), log.guard(2, ValueError("disk full")), log.guard())
    assert log.lines == ["guard ended"] * 3


async def test_cancelled_guards_end(log: Log) -> None:
    task = await _cancelled(lambda: together(log.guard(), log.guard()))
    assert task.cancelled()
    assert log.lines == ["guard ended"] * 2


async def test_a_watched_task_that_ends_by_itself_is_a_defect(log: Log) -> None:
    with pytest.raises(RuntimeError, match="must not end"):
        await first_error([asyncio.create_task(log.work())])
