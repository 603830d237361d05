"""Events become Prometheus metrics; the names of these metrics live here and nowhere else.

Dashboards, the recorder and checks import the names. Every series of a pipeline exists from its start, with zeros, so
that a rate over it is right from the first event on.
"""

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from resilience.events import (
    BreakerChanged,
    BreakerState,
    BudgetChanged,
    BulkheadChanged,
    CallEnded,
    Event,
    FallbackUsed,
    PipelineBuilt,
    Refused,
    RetryScheduled,
)
from resilience.outcome import Outcome

CALLS_TOTAL = "resilience_calls_total"
REJECTIONS_TOTAL = "resilience_rejections_total"
RETRIES_TOTAL = "resilience_retries_total"
FALLBACKS_TOTAL = "resilience_fallbacks_total"
BREAKER_STATE = "resilience_breaker_state"
BREAKER_TRANSITIONS_TOTAL = "resilience_breaker_transitions_total"
BULKHEAD_IN_FLIGHT = "resilience_bulkhead_in_flight"
BULKHEAD_WAITING = "resilience_bulkhead_waiting"
BUDGET_TOKENS = "resilience_budget_tokens"

BREAKER_STATE_VALUES = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


class Family:
    """A metric with its children kept by label values: prometheus_client's own look-up costs a lock and a tuple."""

    __slots__ = ("_arm", "_children", "_metric")

    def __init__(self, metric: Any, arm: str) -> None:
        self._metric = metric
        self._arm = arm
        self._children: dict[tuple[str, ...], Any] = {}

    def at(self, *labels: str) -> Any:
        """Return the child with these label values (the arm is added)."""
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._metric.labels(*labels, self._arm)
        return child


class MetricsListener:
    """Maps events to metrics in `registry`; one for a process, since names are registered once."""

    def __init__(self, registry: CollectorRegistry, *, arm: str) -> None:
        def counter(name: str, text: str, *labels: str) -> Family:
            return Family(Counter(name, text, ("link", *labels, "arm"), registry=registry), arm)

        def gauge(name: str, text: str) -> Family:
            return Family(Gauge(name, text, ("link", "arm"), registry=registry), arm)

        self._calls = counter(CALLS_TOTAL, "Calls over a link, all attempts of one together, by outcome.", "outcome")
        self._rejections = counter(
            REJECTIONS_TOTAL, "Refusals: calls by breaker and bulkhead, retries by budget.", "policy"
        )
        self._retries = counter(RETRIES_TOTAL, "Attempts beyond the first.")
        self._fallbacks = counter(FALLBACKS_TOTAL, "Calls answered by the fallback.")
        self._state = gauge(BREAKER_STATE, "Breaker state: 0 closed, 1 half-open, 2 open.")
        self._transitions = counter(BREAKER_TRANSITIONS_TOTAL, "Changes of breaker state, by the new state.", "to")
        self._in_flight = gauge(BULKHEAD_IN_FLIGHT, "Calls holding a slot of the bulkhead.")
        self._waiting = gauge(BULKHEAD_WAITING, "Calls waiting for a slot of the bulkhead.")
        self._tokens = gauge(BUDGET_TOKENS, "Whole retries that the budget holds.")
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            PipelineBuilt: self._built,
            CallEnded: lambda event: self._calls.at(event.link, event.outcome).inc(),
            Refused: lambda event: self._rejections.at(event.link, event.policy).inc(),
            RetryScheduled: lambda event: self._retries.at(event.link).inc(),
            FallbackUsed: lambda event: self._fallbacks.at(event.link).inc(),
            BudgetChanged: lambda event: self._tokens.at(event.link).set(event.tokens),
            BreakerChanged: self._breaker,
            BulkheadChanged: self._bulkhead,
        }

    def __call__(self, event: Event) -> None:
        """Take one event; constant time, never waits."""
        self._handlers[type(event)](event)

    def _built(self, event: PipelineBuilt) -> None:
        link = event.link
        for outcome in Outcome:
            self._calls.at(link, outcome)
        for policy in {"breaker", "bulkhead", "budget"}.intersection(event.policies):
            self._rejections.at(link, policy)
        if "retry" in event.policies:
            self._retries.at(link)
        if "fallback" in event.policies:
            self._fallbacks.at(link)
        if "bulkhead" in event.policies:
            self._in_flight.at(link)
            self._waiting.at(link)
        if "breaker" in event.policies:
            self._state.at(link)
            for state in BreakerState:
                self._transitions.at(link, state)

    def _breaker(self, event: BreakerChanged) -> None:
        self._state.at(event.link).set(BREAKER_STATE_VALUES[event.state])
        self._transitions.at(event.link, event.state).inc()

    def _bulkhead(self, event: BulkheadChanged) -> None:
        self._in_flight.at(event.link).set(event.in_flight)
        self._waiting.at(event.link).set(event.waiting)
