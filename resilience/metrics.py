"""The names of the policies' metrics; they live here and nowhere else. Dashboards, the recorder and checks import them.

`resilience.metrics_listener` fills them from events.
"""

from dataclasses import dataclass
from typing import Literal

from resilience.states import BreakerState

CALLS_TOTAL = "resilience_calls_total"
CALL_DURATION = "resilience_call_duration_seconds"
REJECTIONS_TOTAL = "resilience_rejections_total"
RETRIES_TOTAL = "resilience_retries_total"
HEDGES_TOTAL = "resilience_hedges_total"
HEDGES_WON_TOTAL = "resilience_hedges_won_total"
FALLBACKS_TOTAL = "resilience_fallbacks_total"
CACHE_ANSWERS_TOTAL = "resilience_cache_answers_total"
CACHE_REFRESHES_TOTAL = "resilience_cache_refreshes_total"
SHARED_CALLS_TOTAL = "resilience_shared_calls_total"
DUPLICATES_TOTAL = "resilience_duplicates_total"
BREAKER_STATE = "resilience_breaker_state"
BREAKER_TRANSITIONS_TOTAL = "resilience_breaker_transitions_total"
BULKHEAD_IN_FLIGHT = "resilience_bulkhead_in_flight"
BULKHEAD_WAITING = "resilience_bulkhead_waiting"
BUDGET_TOKENS = "resilience_budget_tokens"
RATE_TOKENS = "resilience_rate_tokens"
CONCURRENCY_LIMIT = "resilience_concurrency_limit"
THROTTLE_PROBABILITY = "resilience_throttle_probability"
SHED_TOTAL = "resilience_shed_total"
SERVER_IN_FLIGHT = "resilience_server_in_flight"
SERVER_WAITING = "resilience_server_waiting"

# The higher, the less gets through: from OPEN on, nothing.
BREAKER_STATE_VALUES = {
    BreakerState.FORCED_CLOSED: -1,
    BreakerState.CLOSED: 0,
    BreakerState.HALF_OPEN: 1,
    BreakerState.OPEN: 2,
    BreakerState.FORCED_OPEN: 3,
}

# 1 ms x 1.3^n: 39 bounds to 21 s. The client library's default buckets would show 120 ms as 249 ms; here a
# quantile is at most 30 % off.
DURATION_BUCKETS_S = tuple(round(0.001 * 1.3**n, 6) for n in range(39))


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; every one has the label `arm`, too."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    text: str
    labels: tuple[str, ...] = ("link",)


METRICS = (
    Metric(CALLS_TOTAL, "counter", "Calls over a link, all attempts of one together.", ("link", "outcome")),
    Metric(
        CALL_DURATION,
        "histogram",
        "Time until a call ended, all attempts of one together, in seconds.",
        ("link", "outcome"),
    ),
    Metric(REJECTIONS_TOTAL, "counter", "Refusals: of calls, retries and hedges, by policy.", ("link", "policy")),
    Metric(RETRIES_TOTAL, "counter", "Attempts beyond the first."),
    Metric(HEDGES_TOTAL, "counter", "Calls made a second time beside a slow first."),
    Metric(HEDGES_WON_TOTAL, "counter", "Second calls that answered first."),
    Metric(FALLBACKS_TOTAL, "counter", "Calls answered by the fallback."),
    Metric(CACHE_ANSWERS_TOTAL, "counter", "Answers of a cache, by how good they were.", ("link", "freshness")),
    Metric(CACHE_REFRESHES_TOTAL, "counter", "Renewals of copies behind an answer, by why.", ("link", "why")),
    Metric(SHARED_CALLS_TOTAL, "counter", "Calls that joined one in flight for the same key."),
    Metric(DUPLICATES_TOTAL, "counter", "Calls under a known idempotency key, by outcome.", ("link", "how")),
    Metric(BREAKER_STATE, "gauge", "Breaker: 0 closed, 1 half-open, 2 open, 3 forced open, -1 forced closed."),
    Metric(BREAKER_TRANSITIONS_TOTAL, "counter", "Changes of breaker state, by the new state.", ("link", "to")),
    Metric(BULKHEAD_IN_FLIGHT, "gauge", "Calls holding a slot of the bulkhead."),
    Metric(BULKHEAD_WAITING, "gauge", "Calls waiting for a slot of the bulkhead."),
    Metric(BUDGET_TOKENS, "gauge", "Whole retries that the budget holds."),
    Metric(RATE_TOKENS, "gauge", "Whole tokens that the rate limiter holds."),
    Metric(CONCURRENCY_LIMIT, "gauge", "Calls that the adaptive concurrency limit allows at once."),
    Metric(THROTTLE_PROBABILITY, "gauge", "Share of the calls that the adaptive throttle holds back."),
    Metric(SHED_TOTAL, "counter", "Requests that a server refused before they began.", ("server", "reason")),
    Metric(SERVER_IN_FLIGHT, "gauge", "Requests that run in a server, as its load shedder counts them.", ("server",)),
    Metric(SERVER_WAITING, "gauge", "Requests that wait in a server's queue.", ("server",)),
)
