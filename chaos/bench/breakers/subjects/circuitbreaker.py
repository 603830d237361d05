"""circuitbreaker: one decorator for plain and async functions and generators."""

import circuitbreaker

from chaos.bench.breakers.guard import FAILURES, Guard, Subject


async def build(open_s: float) -> Guard:
    """Use the decorator."""
    breaker = circuitbreaker.CircuitBreaker(failure_threshold=FAILURES, recovery_timeout=open_s, name="peer")
    return Guard(around=breaker.decorate, state=lambda: str(breaker.state).replace("_", "-"))


SUBJECTS = [Subject("circuitbreaker", None, build)]
