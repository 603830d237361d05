"""Steps that a cancellation must not leave half done: applying a fault, healing one, stopping what was started."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
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

    Cancelling this cancels the work, and waits until it has cleaned up.
    """
    tasks: set[asyncio.Future[None]] = {asyncio.ensure_future(work), asyncio.ensure_future(guard)}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await to_the_end(lambda: _all_ended(tasks), restarts=1)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _all_ended(tasks: Collection[asyncio.Future[None]]) -> None:
    await asyncio.wait(tasks)
