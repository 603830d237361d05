"""What can stand around the calls over one link, as one value; the values are in `resilience.link_numbers`."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from resilience.bounds import require, require_whole
from resilience.breaker_machine import BreakerSettings
from resilience.budget import BudgetSettings
from resilience.bulkhead import BulkheadSettings
from resilience.concurrency_limit import GradientSettings
from resilience.deadline import DeadlineSettings
from resilience.errors import SettingsError
from resilience.hedge import HedgeSettings
from resilience.rate_limiter import RateLimitSettings
from resilience.retry import RetrySettings
from resilience.retry_throttle import RetryThrottleSettings
from resilience.throttle import ThrottleSettings

_NEEDS_A_TIMEOUT = {
    "breaker": "a probe that hangs would hold it half-open",
    "hedge": "two calls that hang are worse than one",
    "concurrency_limit": "calls that hang would use it up",
    "throttle": "a call that hangs is never counted as refused",
}
_LIMITS_S = ("connect_timeout_s", "acquire_timeout_s", "command_timeout_s", "attempt_timeout_s")


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """What stands around the calls over one link.

    For the client library, None is the library's own default: `connect_timeout_s` for a new connection,
    `acquire_timeout_s` for a connection out of the pool, `command_timeout_s` for one statement or command,
    `library_retries` for repeats inside the client, `pool_size` for connections. `reset_sessions`: whether a pool
    clears the session of each connection that comes back, a round trip. For a policy, None is no policy; their order is
    said once, in resilience/pipeline.py. Raises SettingsError on nonsense.
    """

    connect_timeout_s: float | None = None
    acquire_timeout_s: float | None = None
    command_timeout_s: float | None = None
    library_retries: int | None = None
    pool_size: int | None = None
    reset_sessions: bool = True
    attempt_timeout_s: float | None = None
    deadline: DeadlineSettings | None = None
    rate_limit: RateLimitSettings | None = None
    bulkhead: BulkheadSettings | None = None
    concurrency_limit: GradientSettings | None = None
    retry: RetrySettings | None = None
    budget: BudgetSettings | None = None
    retry_throttle: RetryThrottleSettings | None = None
    hedge: HedgeSettings | None = None
    breaker: BreakerSettings | None = None
    throttle: ThrottleSettings | None = None
    fallback: bool = False

    def __post_init__(self) -> None:
        for field in _LIMITS_S:
            if getattr(self, field) is not None:
                require(self, field, above=0)
        if self.library_retries is not None:
            require_whole(self, "library_retries", at_least=0)
        if self.pool_size is not None:
            require_whole(self, "pool_size", at_least=1)
        for problem in _contradictions(self):
            raise SettingsError(f"LinkSettings.{problem}")

    @property
    def policies(self) -> tuple[str, ...]:
        """Return the names of the policies that are set, outermost first."""
        present = {
            "fallback": self.fallback,
            "deadline": self.deadline,
            "rate_limiter": self.rate_limit,
            "bulkhead": self.bulkhead,
            "concurrency_limit": self.concurrency_limit,
            "retry": self.retry,
            "budget": self.budget or self.retry_throttle,
            "hedge": self.hedge,
            "breaker": self.breaker,
            "throttle": self.throttle,
            "timeout": self.attempt_timeout_s,
        }
        return tuple(name for name, value in present.items() if value)

    @property
    def worst_case_s(self) -> float | None:
        """Return the longest that a call can take: queue, attempts, waits between; None where nothing ends it."""
        if self.attempt_timeout_s is None:
            return None
        attempt_s = self.attempt_timeout_s + (self.hedge.max_delay_s if self.hedge else 0.0)
        calling_s = attempt_s
        if self.retry:
            again = self.retry.max_attempts - 1
            calling_s += again * (attempt_s + self.retry.max_wait_s)
            if self.retry.start_within_s is not None:
                calling_s = min(calling_s, self.retry.start_within_s + attempt_s)
        calling_s += self.bulkhead.max_wait_s if self.bulkhead else 0.0
        in_all_s = self.deadline.call_timeout_s if self.deadline else None
        return calling_s if in_all_s is None else min(calling_s, in_all_s)


def _contradictions(settings: LinkSettings) -> Iterator[str]:
    """Yield what of two settings cannot both be meant."""
    for allowance in ("budget", "retry_throttle"):
        if getattr(settings, allowance) and not settings.retry:
            yield f"{allowance} is set without retry: there is nothing to pay for"
    if settings.budget and settings.retry_throttle:
        yield "budget and retry_throttle are both set: a retry is paid for once, choose one"
    if settings.bulkhead and settings.concurrency_limit:
        yield "bulkhead and concurrency_limit are both set: they count the same calls, choose one"
    if settings.attempt_timeout_s is None:
        for policy, why in _NEEDS_A_TIMEOUT.items():
            if getattr(settings, policy):
                yield f"{policy} needs attempt_timeout_s: {why}"
        return
    slow_s = settings.breaker.window.slow_s if settings.breaker else None
    if slow_s is not None and slow_s >= settings.attempt_timeout_s:
        yield (
            f"breaker.window.slow_s ({slow_s:g}) must be less than attempt_timeout_s "
            f"({settings.attempt_timeout_s:g}): what takes longer has failed already"
        )
    if settings.hedge and settings.hedge.max_delay_s >= settings.attempt_timeout_s:
        yield (
            f"hedge.max_delay_s ({settings.hedge.max_delay_s:g}) must be less than attempt_timeout_s "
            f"({settings.attempt_timeout_s:g}), or no second call ever starts"
        )


def describe(settings: object) -> dict[str, Any]:
    """Return settings as one flat dictionary of JSON values, an inner record's fields as `policy.field`."""
    flat: dict[str, Any] = {}
    for field in fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, field.name)
        if is_dataclass(value):
            flat.update({f"{field.name}.{key}": inner for key, inner in describe(value).items()})
        else:
            flat[field.name] = value
    return flat
