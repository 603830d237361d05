"""hyx: a kit of async policies; its breaker is a context manager and a decorator, and the two differ."""

from hyx.circuitbreaker import consecutive_breaker

from chaos.bench.breakers.guard import FAILURES, Guard, Guarded, Operation, Subject

SPELLED = {"working": "closed", "failing": "open", "recovering": "half-open"}


async def block(open_s: float) -> Guard:
    """Use the context manager."""
    breaker = consecutive_breaker(failure_threshold=FAILURES, recovery_time_secs=open_s, recovery_threshold=1)

    def around(operation: Operation) -> Guarded:
        async def guarded() -> None:
            async with breaker:
                await operation()

        return guarded

    return Guard(around, state=lambda: SPELLED[breaker.state.name])


async def decorated(open_s: float) -> Guard:
    """Use the decorator."""
    breaker = consecutive_breaker(failure_threshold=FAILURES, recovery_time_secs=open_s, recovery_threshold=1)
    return Guard(around=breaker, state=lambda: SPELLED[breaker.state.name])


SUBJECTS = [Subject("hyx", "`async with`", block), Subject("hyx", "decorator", decorated)]
