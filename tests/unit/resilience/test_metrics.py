"""Events as Prometheus metrics."""

from typing import get_args

import pytest
from prometheus_client import CollectorRegistry

from resilience import BreakerState, Event, MetricsListener, Outcome, metrics
from resilience.events import (
    BreakerChanged,
    BudgetChanged,
    BulkheadChanged,
    CacheAnswered,
    CacheRefreshed,
    CallEnded,
    CallShared,
    DuplicateSeen,
    FallbackUsed,
    HedgeStarted,
    HedgeWon,
    LimitChanged,
    PipelineBuilt,
    RateTokensChanged,
    Refused,
    RequestShed,
    RetryScheduled,
    ServerQueueChanged,
    ThrottleChanged,
)
from resilience.states import Duplicate, Freshness, Refresh, ShedReason

LINK = "orders_to_payments"
EVERYTHING = PipelineBuilt(
    LINK, ("fallback", "deadline", "bulkhead", "retry", "budget", "hedge", "breaker", "throttle", "timeout")
)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def listener(registry: CollectorRegistry) -> MetricsListener:
    return MetricsListener(registry, arm="protected")


def samples(registry: CollectorRegistry) -> dict[str, float]:
    """Return every sample as `name other-label`, without the creation times."""
    found = {}
    for family in registry.collect():
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("arm") == "protected"
            assert labels.pop("link", labels.pop("server", None)) == LINK
            if not sample.name.endswith("_created"):
                found[" ".join([sample.name, *labels.values()])] = sample.value
    return found


def durations(outcome: str) -> list[str]:
    """Return the names of the samples of one outcome's histogram."""
    bounds = [*map(str, metrics.DURATION_BUCKETS_S), "+Inf"]
    ends = ["_count", "_sum"]
    return [f"{metrics.CALL_DURATION}_bucket {outcome} {bound}" for bound in bounds] + [
        f"{metrics.CALL_DURATION}{end} {outcome}" for end in ends
    ]


def test_every_series_of_a_pipeline_begins_at_zero(registry: CollectorRegistry, listener: MetricsListener) -> None:
    listener(EVERYTHING)

    assert samples(registry) == dict.fromkeys(
        [
            "resilience_calls_total success",
            "resilience_calls_total failure",
            "resilience_calls_total rejected",
            "resilience_calls_total abandoned",
            *durations("success"),
            "resilience_rejections_total breaker",
            "resilience_rejections_total bulkhead",
            "resilience_rejections_total budget",
            "resilience_rejections_total deadline",
            "resilience_rejections_total hedge_budget",
            "resilience_rejections_total throttle",
            "resilience_retries_total",
            "resilience_hedges_total",
            "resilience_hedges_won_total",
            "resilience_fallbacks_total",
            "resilience_breaker_state",
            "resilience_breaker_transitions_total closed",
            "resilience_breaker_transitions_total half_open",
            "resilience_breaker_transitions_total open",
            "resilience_breaker_transitions_total forced_closed",
            "resilience_breaker_transitions_total forced_open",
            "resilience_throttle_probability",
            "resilience_bulkhead_in_flight",
            "resilience_bulkhead_waiting",
        ],
        0.0,
    )


def test_a_pipeline_without_policies_has_calls_only(registry: CollectorRegistry, listener: MetricsListener) -> None:
    listener(PipelineBuilt(LINK, ()))

    assert set(samples(registry)) == {
        *(f"{metrics.CALLS_TOTAL} {outcome}" for outcome in Outcome),
        *durations("success"),
    }


@pytest.mark.parametrize(
    ("event", "changed"),
    [
        (Refused(LINK, "bulkhead", None), {f"{metrics.REJECTIONS_TOTAL} bulkhead": 1}),
        (RetryScheduled(LINK, 2, 0.1, "OSError"), {metrics.RETRIES_TOTAL: 1}),
        (FallbackUsed(LINK, "OSError"), {metrics.FALLBACKS_TOTAL: 1}),
        (BudgetChanged(LINK, 4), {metrics.BUDGET_TOKENS: 4}),
        (RateTokensChanged(LINK, 7), {metrics.RATE_TOKENS: 7}),
        (LimitChanged(LINK, 23), {metrics.CONCURRENCY_LIMIT: 23}),
        (ThrottleChanged(LINK, 0.25), {metrics.THROTTLE_PROBABILITY: 0.25}),
        (HedgeStarted(LINK, 0.02), {metrics.HEDGES_TOTAL: 1}),
        (HedgeWon(LINK), {metrics.HEDGES_WON_TOTAL: 1}),
        (CallShared(LINK), {metrics.SHARED_CALLS_TOTAL: 1}),
        (
            # With its first answer a cache is known, and what else it may tell begins at zero.
            CacheAnswered(LINK, Freshness.STALE_ON_ERROR),
            {
                f"{metrics.CACHE_ANSWERS_TOTAL} stale_if_error": 1,
                f"{metrics.CACHE_REFRESHES_TOTAL} early": 0,
                f"{metrics.CACHE_REFRESHES_TOTAL} stale": 0,
                metrics.SHARED_CALLS_TOTAL: 0,
            },
        ),
        (CacheRefreshed(LINK, Refresh.EARLY), {f"{metrics.CACHE_REFRESHES_TOTAL} early": 1}),
        (DuplicateSeen(LINK, Duplicate.REPLAYED), {f"{metrics.DUPLICATES_TOTAL} replayed": 1}),
        (RequestShed(LINK, ShedReason.FULL), {f"{metrics.SHED_TOTAL} full": 1}),
        (ServerQueueChanged(LINK, 5, 1), {metrics.SERVER_IN_FLIGHT: 5, metrics.SERVER_WAITING: 1}),
        (BulkheadChanged(LINK, 3, 2), {metrics.BULKHEAD_IN_FLIGHT: 3, metrics.BULKHEAD_WAITING: 2}),
        (
            BreakerChanged(LINK, BreakerState.CLOSED, BreakerState.OPEN),
            {metrics.BREAKER_STATE: 2, f"{metrics.BREAKER_TRANSITIONS_TOTAL} open": 1},
        ),
        (
            BreakerChanged(LINK, BreakerState.OPEN, BreakerState.HALF_OPEN),
            {metrics.BREAKER_STATE: 1, f"{metrics.BREAKER_TRANSITIONS_TOTAL} half_open": 1},
        ),
    ],
)
def test_an_event_changes_its_metrics_and_no_other(
    registry: CollectorRegistry, listener: MetricsListener, event: Event, changed: dict[str, float]
) -> None:
    listener(EVERYTHING)
    before = samples(registry)

    listener(event)

    assert samples(registry) == before | changed


def test_a_call_is_counted_in_every_bucket_that_holds_it(
    registry: CollectorRegistry, listener: MetricsListener
) -> None:
    """Bounds are inclusive, and what is longer than all of them is in +Inf alone."""
    bound = metrics.DURATION_BUCKETS_S[5]
    for duration_s in (bound, bound * 1.01, 100.0):
        listener(CallEnded(LINK, Outcome.FAILURE, duration_s))

    found = samples(registry)
    counts = [found[name] for name in durations("failure")]
    assert counts == [*[0.0] * 5, 1.0, *[2.0] * (len(metrics.DURATION_BUCKETS_S) - 6), 3.0, 3.0, bound * 2.01 + 100]
    assert found[f"{metrics.CALLS_TOTAL} failure"] == 3
    assert f"{metrics.CALL_DURATION}_count success" not in found


def test_every_event_has_its_metric(listener: MetricsListener) -> None:
    """An event that no handler knows would raise inside the call that it tells of."""
    assert set(get_args(Event)) == set(listener._handlers)


def test_every_name_is_registered_once() -> None:
    names = [value for name, value in vars(metrics).items() if name.isupper() and isinstance(value, str)]

    assert sorted(names) == sorted(metric.name for metric in metrics.METRICS)


def test_a_closed_breaker_is_zero_again(registry: CollectorRegistry, listener: MetricsListener) -> None:
    listener(BreakerChanged(LINK, BreakerState.CLOSED, BreakerState.OPEN))
    listener(BreakerChanged(LINK, BreakerState.HALF_OPEN, BreakerState.CLOSED))

    assert samples(registry)[metrics.BREAKER_STATE] == 0


def test_counters_add_up_and_gauges_do_not(registry: CollectorRegistry, listener: MetricsListener) -> None:
    for _ in range(3):
        listener(CallEnded(LINK, Outcome.SUCCESS, 0.1))
        listener(BulkheadChanged(LINK, 1, 0))
        listener(BreakerChanged(LINK, BreakerState.CLOSED, BreakerState.OPEN))

    assert samples(registry)[f"{metrics.BREAKER_TRANSITIONS_TOTAL} open"] == 3
    assert samples(registry)[f"{metrics.CALLS_TOTAL} success"] == 3
    assert samples(registry)[metrics.BULKHEAD_IN_FLIGHT] == 1
