"""aiobreaker: pybreaker's design on asyncio."""

from datetime import timedelta
from functools import partial

import aiobreaker

from chaos.bench.breakers.guard import FAILURES, Guard, Subject


async def build(open_s: float) -> Guard:
    """Use `call_async`."""
    breaker = aiobreaker.CircuitBreaker(fail_max=FAILURES, timeout_duration=timedelta(seconds=open_s))
    return Guard(
        around=lambda operation: partial(breaker.call_async, operation),
        state=lambda: str(breaker.current_state.name).lower().replace("_", "-"),
    )


SUBJECTS = [Subject("aiobreaker", None, build)]
