"""Steps that a cancellation must not leave half done: applying a fault, healing one, stopping what was started."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


async def to_the_end(step: Callable[[], Coroutine[Any, Any, T]], *, restarts: int) -> T:
    """Run a step to its end although this task is cancelled meanwhile; the cancellation is raised afterwards.

    The step must be bounded. A loop that is torn down cancels the step's own task as well; a step that may be repeated
    is then begun anew, up to `restarts` times.

    Raises:
        asyncio.CancelledError: after the step has come to its end.
        Exception: what the step raises, a cancellation or not.
    """
    cancelled: asyncio.CancelledError | None = None
    task = asyncio.ensure_future(step())
    while True:
        try:
            result = await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = cancelled or error
            if not task.done():
                continue
            if task.cancelled():
                if restarts == 0:
                    raise
                restarts -= 1
                task = asyncio.ensure_future(step())
                continue
            task.result()
            raise
        if cancelled is not None:
            raise cancelled
        return result


async def beside(work: Coroutine[None, None, None], guard: Coroutine[None, None, NoReturn]) -> None:
    """Do the work while the guard looks on; what either raises is raised once both have ended.

    Where both raise, the guard's error is told: what it saw is why the work failed. Cancelling this cancels the work
    and waits until it has cleaned up; where that clean-up fails, its error is raised instead of the cancellation.
    """
    # The guard first: its error goes before the work's.
    tasks: tuple[asyncio.Future[None], ...] = (asyncio.ensure_future(guard), asyncio.ensure_future(work))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # gather() and not wait(): it also takes note of every error, so none is reported as never retrieved.
        ends = await to_the_end(lambda: _ends(tasks), restarts=1)
        for end in ends:
            if isinstance(end, Exception):
                raise end


async def first_error(tasks: Iterable[asyncio.Task[None]]) -> NoReturn:
    """Wait until one of the tasks, none of which ends by itself, raises; raises that."""
    done, _ = await asyncio.wait(list(tasks), return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    raise RuntimeError("a task that must not end has ended")


async def together(*guards: Coroutine[None, None, NoReturn]) -> NoReturn:
    """Be several guards as one: raises what the first of them raises, and ends the others."""
    tasks: list[asyncio.Task[None]] = [asyncio.ensure_future(guard) for guard in guards]
    try:
        await first_error(tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _ends(tasks: Collection[asyncio.Future[None]]) -> list[BaseException | None]:
    return await asyncio.gather(*tasks, return_exceptions=True)
