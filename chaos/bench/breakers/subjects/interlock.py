"""interlock-cb: failure and slow-call rates over a window, bounded probes, an injected clock."""

from functools import partial

import interlock

from chaos.bench.breakers.guard import FAILURES, Guard, Subject


async def build(open_s: float) -> Guard:
    """Set it so that three failures in a row open it, and one probe at a time is let through."""
    config = interlock.Config(
        failure_rate_threshold=1.0,
        minimum_number_of_calls=FAILURES,
        window_size=FAILURES,
        wait_duration_in_open=open_s,
        permitted_calls_in_half_open=1,
    )
    breaker = interlock.CircuitBreaker(name="peer", config=config)
    return Guard(
        around=lambda operation: partial(breaker.call_async, operation),
        state=lambda: str(breaker.state).replace("_", "-"),
    )


SUBJECTS = [Subject("interlock-cb", None, build)]
