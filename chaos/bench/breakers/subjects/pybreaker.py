"""pybreaker: for threads first; async code can use its context manager, or call_async, which needs Tornado."""

import warnings
from functools import partial

import pybreaker
import tornado  # noqa: F401 - call_async would miss it only when called

from chaos.bench.breakers.guard import FAILURES, Guard, Guarded, Operation, Subject


async def calling(open_s: float) -> Guard:
    """Await inside the context manager."""
    breaker = pybreaker.CircuitBreaker(fail_max=FAILURES, reset_timeout=open_s)

    def around(operation: Operation) -> Guarded:
        async def guarded() -> None:
            with breaker.calling():
                await operation()

        return guarded

    return Guard(around, state=lambda: str(breaker.current_state))


async def call_async(open_s: float) -> Guard:
    """Let it run the call on Tornado's coroutines."""
    # Half-open it makes a coroutine that it does not await; the table shows what comes of it.
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning, module="pybreaker")
    breaker = pybreaker.CircuitBreaker(fail_max=FAILURES, reset_timeout=open_s)
    return Guard(lambda operation: partial(breaker.call_async, operation), state=lambda: str(breaker.current_state))


SUBJECTS = [
    Subject("pybreaker", "`calling()`", calling),
    Subject("pybreaker", "`call_async`", call_async),
]
