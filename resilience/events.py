"""What policies tell, as frozen records; who listens is a callable.

Metrics, log lines and tests listen to the same events, so no policy knows a metrics library. A listener runs inside the
call it hears about: it must be quick, must not raise and must not wait.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from resilience.outcome import Outcome


class BreakerState(StrEnum):
    """The three states of a circuit breaker."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class PipelineBuilt:
    """A pipeline stands; `policies` are the names of those in it, outermost first."""

    link: str
    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call, all its attempts included, ended; a fallback may still answer in its place."""

    link: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Refused:
    """A policy refused: the breaker or the bulkhead a call, the budget a retry."""

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


Event = (
    PipelineBuilt
    | CallEnded
    | Refused
    | RetryScheduled
    | BudgetChanged
    | BreakerChanged
    | BulkheadChanged
    | FallbackUsed
)
Listener = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Hear nothing: the listener of a policy whose events nobody needs."""
