"""The order of the policies, stated once, outermost first.

    fallback( bulkhead( retry( breaker( timeout( call ) ) ) ) )

timeout inside breaker: a hanging dependency must count as failing. breaker inside retry: each attempt counts, and a
retry into an open breaker is refused at once. retry inside bulkhead: a call keeps its slot while it waits to try again,
so retries cannot push past the limit. fallback outside all: it answers for a refusal, too.
"""

import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from resilience.breaker import CircuitBreaker
from resilience.budget import RetryBudget
from resilience.bulkhead import Bulkhead
from resilience.clock import Clock
from resilience.events import CallEnded, Listener, PipelineBuilt
from resilience.fallback import Fallback
from resilience.link import LinkSettings
from resilience.outcome import Failures, Outcome, judge
from resilience.retry import Retry
from resilience.timeout import Timeout, TimeoutSettings

T = TypeVar("T")


class Pipeline:
    """The policies around every call over one link; an absent policy costs nothing. Built by `build_pipeline`."""

    def __init__(
        self,
        link: str,
        *,
        failures: Failures,
        listener: Listener,
        fallback: Fallback | None = None,
        bulkhead: Bulkhead | None = None,
        retry: Retry | None = None,
        breaker: CircuitBreaker | None = None,
        timeout: Timeout | None = None,
    ) -> None:
        self.link = link
        self._failures = failures
        self._listener = listener
        self._fallback = fallback
        self._bulkhead = bulkhead
        self._retry = retry
        self._breaker = breaker
        self._timeout = timeout
        self._ended = {outcome: CallEnded(link, outcome) for outcome in Outcome}

    async def call(
        self,
        operation: Callable[[], Awaitable[T]],
        *,
        idempotent: bool,
        fallback: Callable[[Exception], Awaitable[T]] | None = None,
    ) -> T:
        """Await `operation()` under every policy of the link.

        `operation` is called once an attempt. `idempotent` says whether it may be made twice. `fallback` is used only
        where the link's settings enable it. Raises what the operation raises; Rejected where a policy refused to try;
        AttemptTimeout where an attempt took too long.
        """
        if self._timeout is not None:
            operation = partial(self._timeout.call, operation)
        if self._breaker is not None:
            operation = partial(self._breaker.call, operation)
        if self._retry is not None:
            operation = partial(self._retry.call, operation, idempotent=idempotent)
        if self._bulkhead is not None:
            operation = partial(self._bulkhead.call, operation)
        if self._fallback is not None and fallback is not None:
            return await self._fallback.call(partial(self._counted, operation), fallback)
        return await self._counted(operation)

    async def _counted(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Tell how the call ended; a fallback does not make a failed call a success."""
        outcome = Outcome.ABANDONED
        try:
            result = await operation()
            outcome = Outcome.SUCCESS
        except Exception as error:
            outcome = judge(error, self._failures)
            raise
        finally:
            self._listener(self._ended[outcome])
        return result


def build_pipeline(
    link: str, settings: LinkSettings, *, failures: Failures, clock: Clock, rng: random.Random, listener: Listener
) -> Pipeline:
    """Build the pipeline of a link from its settings.

    `failures` has no default: it says which exceptions count against the dependency, for the breaker as for the retry.
    An AttemptTimeout always counts, a Rejected never does.
    """
    listener(PipelineBuilt(link, settings.policies))
    return Pipeline(
        link,
        failures=failures,
        listener=listener,
        fallback=Fallback(link, failures=failures, listener=listener) if settings.fallback else None,
        bulkhead=Bulkhead(link, settings.bulkhead, listener=listener) if settings.bulkhead else None,
        retry=Retry(
            link,
            settings.retry,
            on=lambda error: judge(error, failures) is Outcome.FAILURE,
            budget=RetryBudget(settings.budget, now=clock.now()) if settings.budget else None,
            clock=clock,
            rng=rng,
            listener=listener,
        )
        if settings.retry
        else None,
        breaker=CircuitBreaker(link, settings.breaker, failures=failures, clock=clock, listener=listener)
        if settings.breaker
        else None,
        timeout=Timeout(link, TimeoutSettings(settings.attempt_timeout_s)) if settings.attempt_timeout_s else None,
    )
