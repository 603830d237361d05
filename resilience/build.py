"""From the settings of a link to the pipeline around its calls."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from resilience.breaker import CircuitBreaker
from resilience.budget import RetryBudget
from resilience.bulkhead import Bulkhead
from resilience.clock import Clock
from resilience.concurrency_limit import ConcurrencyLimit
from resilience.deadline import Deadline
from resilience.events import Listener, PipelineBuilt
from resilience.fallback import Fallback
from resilience.hedge import Hedge
from resilience.link import LinkSettings
from resilience.outcome import Failures, Outcome, judge
from resilience.pipeline import Pipeline, Policy
from resilience.rate_limiter import RateLimiter
from resilience.retry import Retry
from resilience.retry_allowance import RetryAllowance
from resilience.retry_throttle import RetryThrottle
from resilience.throttle import Throttle
from resilience.timeout import Timeout, TimeoutSettings


def build_pipeline(
    link: str,
    settings: LinkSettings,
    *,
    failures: Failures,
    refusals: Failures,
    clock: Clock,
    rng: random.Random,
    listener: Listener,
) -> Pipeline:
    """Build the pipeline of a link from its settings.

    Neither has a default: `failures` says which exceptions count against the dependency, for the breaker as for the
    retry; `refusals`, for the throttle, which of them are the dependency's own "not now". An AttemptTimeout always
    counts, a Rejected never does.
    """
    listener(PipelineBuilt(link, settings.policies))
    parts = _Parts(link, settings, failures, refusals, clock, rng, listener)
    policies = (*parts.admitting(), *parts.repeating(), *parts.attempting())
    return Pipeline(link, policies, failures=failures, clock=clock, listener=listener)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the policies of one link have in common, and the policies themselves, outermost first."""

    link: str
    settings: LinkSettings
    failures: Failures
    refusals: Failures
    clock: Clock
    rng: random.Random
    listener: Listener

    def admitting(self) -> Iterator[Policy]:
        """Yield what stands around a call as a whole."""
        settings = self.settings
        if settings.fallback:
            yield Fallback(self.link, failures=self.failures, listener=self.listener)
        if settings.deadline:
            yield Deadline(self.link, settings.deadline, clock=self.clock, listener=self.listener)
        if settings.rate_limit:
            yield RateLimiter(self.link, settings.rate_limit, clock=self.clock, listener=self.listener)
        if settings.bulkhead:
            yield Bulkhead(self.link, settings.bulkhead, clock=self.clock, listener=self.listener)
        if settings.concurrency_limit:
            yield ConcurrencyLimit(
                self.link,
                settings.concurrency_limit,
                failures=self.failures,
                clock=self.clock,
                listener=self.listener,
            )

    def repeating(self) -> Iterator[Policy]:
        """Yield what may make a call more than once."""
        settings = self.settings
        if settings.retry:
            yield Retry(
                self.link,
                settings.retry,
                on=lambda error: judge(error, self.failures) is Outcome.FAILURE,
                allowance=self._allowance(),
                clock=self.clock,
                rng=self.rng,
                listener=self.listener,
            )
        if settings.hedge:
            yield Hedge(self.link, settings.hedge, failures=self.failures, clock=self.clock, listener=self.listener)

    def attempting(self) -> Iterator[Policy]:
        """Yield what stands around each attempt."""
        settings = self.settings
        if settings.breaker:
            yield CircuitBreaker(
                self.link, settings.breaker, failures=self.failures, clock=self.clock, listener=self.listener
            )
        if settings.throttle:
            yield Throttle(
                self.link,
                settings.throttle,
                refusals=self.refusals,
                clock=self.clock,
                rng=self.rng,
                listener=self.listener,
            )
        if settings.attempt_timeout_s:
            time = TimeoutSettings(settings.attempt_timeout_s)
            yield Timeout(self.link, time, clock=self.clock, listener=self.listener)

    def _allowance(self) -> RetryAllowance | None:
        if self.settings.budget:
            return RetryBudget(self.settings.budget, now=self.clock.now())
        return RetryThrottle(self.settings.retry_throttle) if self.settings.retry_throttle else None
