"""What policies tell, as frozen records; who listens is a callable.

Metrics, log lines and tests listen to the same events, so no policy knows a metrics library. A listener runs inside the
call it hears about: it must be quick, must not raise and must not wait.
"""

from collections.abc import Callable
from dataclasses import dataclass

from resilience.outcome import Outcome
from resilience.states import BreakerState, Duplicate, Freshness, Refresh, ShedReason


@dataclass(frozen=True, slots=True)
class PipelineBuilt:
    """A pipeline stands; `policies` are the names of those in it, outermost first."""

    link: str
    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call, all its attempts included, ended after `duration_s`; a fallback may still answer in its place."""

    link: str
    outcome: Outcome
    duration_s: float


@dataclass(frozen=True, slots=True)
class Refused:
    """A policy refused: most a call, the budget a retry, the hedge's budget a hedge ("hedge_budget")."""

    link: str
    policy: str
    retry_after_s: float | None


@dataclass(frozen=True, slots=True)
class RetryScheduled:
    """Attempt `attempt` (the first retry is number 2) follows in `delay_s` seconds; `error` is a class name."""

    link: str
    attempt: int
    delay_s: float
    error: str


@dataclass(frozen=True, slots=True)
class BudgetChanged:
    """The retry budget holds `tokens` whole retries now."""

    link: str
    tokens: int


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """The circuit breaker went from `previous` to `state`."""

    link: str
    previous: BreakerState
    state: BreakerState


@dataclass(frozen=True, slots=True)
class BulkheadChanged:
    """A call entered or left the bulkhead, or its queue."""

    link: str
    in_flight: int
    waiting: int


@dataclass(frozen=True, slots=True)
class FallbackUsed:
    """The fallback answers in place of a call that ended with `error` (a class name)."""

    link: str
    error: str


@dataclass(frozen=True, slots=True)
class ThrottleChanged:
    """The adaptive throttle holds back this share of the calls now, told in steps of a hundredth."""

    link: str
    probability: float


@dataclass(frozen=True, slots=True)
class RateTokensChanged:
    """The rate limiter's bucket holds `tokens` whole tokens now."""

    link: str
    tokens: int


@dataclass(frozen=True, slots=True)
class LimitChanged:
    """The adaptive concurrency limit allows `limit` calls at once now."""

    link: str
    limit: int


@dataclass(frozen=True, slots=True)
class HedgeStarted:
    """An answer was not there after `delay_s` seconds, so the call was made a second time beside the first."""

    link: str
    delay_s: float


@dataclass(frozen=True, slots=True)
class HedgeWon:
    """The second call answered first."""

    link: str


@dataclass(frozen=True, slots=True)
class CallShared:
    """A call joined one that was in flight for the same key, and made none of its own."""

    link: str


@dataclass(frozen=True, slots=True)
class CacheAnswered:
    """A cache answered, or had nothing to answer with."""

    link: str
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class CacheRefreshed:
    """A cache begins to renew a copy behind an answer."""

    link: str
    why: Refresh


@dataclass(frozen=True, slots=True)
class DuplicateSeen:
    """A call came under an idempotency key that was known."""

    link: str
    how: Duplicate


@dataclass(frozen=True, slots=True)
class RequestShed:
    """A server refused a request before it began."""

    server: str
    reason: ShedReason


@dataclass(frozen=True, slots=True)
class ServerQueueChanged:
    """A request entered or left a server's load shedder, or its queue."""

    server: str
    in_flight: int
    waiting: int


Event = (
    PipelineBuilt
    | CallEnded
    | Refused
    | RetryScheduled
    | BudgetChanged
    | BreakerChanged
    | BulkheadChanged
    | FallbackUsed
    | ThrottleChanged
    | RateTokensChanged
    | LimitChanged
    | HedgeStarted
    | HedgeWon
    | CallShared
    | CacheAnswered
    | CacheRefreshed
    | DuplicateSeen
    | RequestShed
    | ServerQueueChanged
)
Listener = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Hear nothing: the listener of a policy whose events nobody needs."""
