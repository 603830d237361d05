"""Events as Prometheus metrics."""

import pytest
from prometheus_client import CollectorRegistry

from resilience import (
    BreakerChanged,
    BreakerState,
    BudgetChanged,
    BulkheadChanged,
    CallEnded,
    Event,
    FallbackUsed,
    MetricsListener,
    Outcome,
    PipelineBuilt,
    Refused,
    RetryScheduled,
    metrics,
)

LINK = "orders_to_payments"
EVERYTHING = PipelineBuilt(LINK, ("fallback", "bulkhead", "retry", "budget", "breaker", "timeout"))


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
            assert (labels.pop("link"), labels.pop("arm")) == (LINK, "protected")
            if not sample.name.endswith("_created"):
                found[" ".join([sample.name, *labels.values()])] = sample.value
    return found


def test_every_series_of_a_pipeline_begins_at_zero(registry: CollectorRegistry, listener: MetricsListener) -> None:
    listener(EVERYTHING)

    assert samples(registry) == dict.fromkeys(
        [
            "resilience_calls_total success",
            "resilience_calls_total failure",
            "resilience_calls_total rejected",
            "resilience_calls_total abandoned",
            "resilience_rejections_total breaker",
            "resilience_rejections_total bulkhead",
            "resilience_rejections_total budget",
            "resilience_retries_total",
            "resilience_fallbacks_total",
            "resilience_breaker_state",
            "resilience_breaker_transitions_total closed",
            "resilience_breaker_transitions_total half_open",
            "resilience_breaker_transitions_total open",
            "resilience_bulkhead_in_flight",
            "resilience_bulkhead_waiting",
        ],
        0.0,
    )


def test_a_pipeline_without_policies_has_calls_only(registry: CollectorRegistry, listener: MetricsListener) -> None:
    listener(PipelineBuilt(LINK, ()))

    assert {name.split()[0] for name in samples(registry)} == {metrics.CALLS_TOTAL}


@pytest.mark.parametrize(
    ("event", "changed"),
    [
        (CallEnded(LINK, Outcome.FAILURE), {f"{metrics.CALLS_TOTAL} failure": 1}),
        (Refused(LINK, "bulkhead", None), {f"{metrics.REJECTIONS_TOTAL} bulkhead": 1}),
        (RetryScheduled(LINK, 2, 0.1, "OSError"), {metrics.RETRIES_TOTAL: 1}),
        (FallbackUsed(LINK, "OSError"), {metrics.FALLBACKS_TOTAL: 1}),
        (BudgetChanged(LINK, 4), {metrics.BUDGET_TOKENS: 4}),
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


def test_a_closed_breaker_is_zero_again(registry: CollectorRegistry, listener: MetricsListener) -> None:
    listener(BreakerChanged(LINK, BreakerState.CLOSED, BreakerState.OPEN))
    listener(BreakerChanged(LINK, BreakerState.HALF_OPEN, BreakerState.CLOSED))

    assert samples(registry)[metrics.BREAKER_STATE] == 0


def test_counters_add_up_and_gauges_do_not(registry: CollectorRegistry, listener: MetricsListener) -> None:
    for _ in range(3):
        listener(CallEnded(LINK, Outcome.SUCCESS))
        listener(BulkheadChanged(LINK, 1, 0))

    assert samples(registry)[f"{metrics.CALLS_TOTAL} success"] == 3
    assert samples(registry)[metrics.BULKHEAD_IN_FLIGHT] == 1
