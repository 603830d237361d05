"""purgatory: a factory that keeps breakers by name, in memory or in Redis; a context manager and a decorator."""

import purgatory

from chaos.bench.breakers.guard import FAILURES, Guard, Guarded, Operation, Subject

SPELLED = {"closed": "closed", "opened": "open", "half-opened": "half-open"}


async def kept(open_s: float) -> Guard:
    """Get the breaker once and keep it."""
    factory = purgatory.AsyncCircuitBreakerFactory(default_threshold=FAILURES, default_ttl=open_s)
    breaker = await factory.get_breaker("peer")

    def around(operation: Operation) -> Guarded:
        async def guarded() -> None:
            async with breaker:
                await operation()

        return guarded

    return Guard(around, state=lambda: SPELLED[breaker.context.state])


async def decorated(open_s: float) -> Guard:
    """Let the decorator get the breaker at each call."""
    factory = purgatory.AsyncCircuitBreakerFactory(default_threshold=FAILURES, default_ttl=open_s)
    breaker = await factory.get_breaker("peer")
    return Guard(around=factory("peer"), state=lambda: SPELLED[breaker.context.state])


SUBJECTS = [
    Subject("purgatory", "`async with`", kept),
    Subject("purgatory", "decorator", decorated),
]
