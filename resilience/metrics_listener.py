"""Events become Prometheus metrics; one listener for a process.

Every series of a pipeline exists from its start, with zeros, so that a rate over it is right from the first event on.
An event adds to a plain number, and the text is made when somebody asks: prometheus_client's own counters take a lock a
step, which is most of what a call would pay for being counted.
"""

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from resilience import metrics as m
from resilience.events import (
    BreakerChanged,
    BudgetChanged,
    BulkheadChanged,
    CacheAnswered,
    CacheRefreshed,
    CallEnded,
    CallShared,
    DuplicateSeen,
    Event,
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
from resilience.metrics_histogram import DurationHistogram, Durations
from resilience.outcome import Outcome
from resilience.states import BreakerState, Refresh

_REFUSING = ("deadline", "rate_limiter", "bulkhead", "concurrency_limit", "budget", "breaker", "throttle")
# What begins at zero with a policy: its metrics, each with the values of the labels beside link and arm.
_ALONE: tuple[tuple[str, ...], ...] = ((),)
_BEGIN: dict[str, tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]] = {
    "fallback": ((m.FALLBACKS_TOTAL, _ALONE),),
    "bulkhead": ((m.BULKHEAD_IN_FLIGHT, _ALONE), (m.BULKHEAD_WAITING, _ALONE)),
    "retry": ((m.RETRIES_TOTAL, _ALONE),),
    "hedge": (
        (m.HEDGES_TOTAL, _ALONE),
        (m.HEDGES_WON_TOTAL, _ALONE),
        (m.REJECTIONS_TOTAL, (("hedge_budget",),)),
    ),
    "breaker": (
        (m.BREAKER_STATE, _ALONE),
        (m.BREAKER_TRANSITIONS_TOTAL, tuple((state,) for state in BreakerState)),
    ),
    "throttle": ((m.THROTTLE_PROBABILITY, _ALONE),),
}


Labels = tuple[str, ...]


class MetricsListener(Collector):
    """Keeps the numbers of all METRICS and hands them to `registry`; one for a process, since names are unique there.

    Listens and is asked in the thread of one event loop.
    """

    def __init__(self, registry: CollectorRegistry, *, arm: str) -> None:
        self._arm = arm
        self._values: dict[str, dict[Labels, float]] = {metric.name: {} for metric in m.METRICS}
        (histogram,) = (metric for metric in m.METRICS if metric.kind == "histogram")
        self._durations = Durations(histogram.name, histogram.text, (*histogram.labels, "arm"), m.DURATION_BUCKETS_S)
        # By the event's own values: the arm is the same in all.
        self._durations_of: dict[Labels, DurationHistogram] = {}
        count, gauge = self._count, self._gauge
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            PipelineBuilt: self._built,
            CallEnded: self._ended,
            Refused: count(m.REJECTIONS_TOTAL, lambda event: (event.link, event.policy)),
            RetryScheduled: count(m.RETRIES_TOTAL, lambda event: (event.link,)),
            HedgeStarted: count(m.HEDGES_TOTAL, lambda event: (event.link,)),
            HedgeWon: count(m.HEDGES_WON_TOTAL, lambda event: (event.link,)),
            FallbackUsed: count(m.FALLBACKS_TOTAL, lambda event: (event.link,)),
            CacheAnswered: self._cache,
            CacheRefreshed: count(m.CACHE_REFRESHES_TOTAL, lambda event: (event.link, event.why)),
            CallShared: count(m.SHARED_CALLS_TOTAL, lambda event: (event.link,)),
            DuplicateSeen: count(m.DUPLICATES_TOTAL, lambda event: (event.link, event.how)),
            RequestShed: count(m.SHED_TOTAL, lambda event: (event.server, event.reason)),
            BudgetChanged: gauge(m.BUDGET_TOKENS, lambda event: event.tokens),
            RateTokensChanged: gauge(m.RATE_TOKENS, lambda event: event.tokens),
            LimitChanged: gauge(m.CONCURRENCY_LIMIT, lambda event: event.limit),
            ThrottleChanged: gauge(m.THROTTLE_PROBABILITY, lambda event: event.probability),
            BreakerChanged: self._breaker,
            BulkheadChanged: self._bulkhead,
            ServerQueueChanged: self._server_queue,
        }
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with its series as they stand."""
        for metric in m.METRICS:
            if metric.kind == "histogram":
                yield from self._durations.collect()
                continue
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(metric.name, metric.text, labels=(*metric.labels, "arm"))
            for labels, value in self._values[metric.name].items():
                family.add_metric((*labels, self._arm), value)
            yield family

    def describe(self) -> Iterator[Metric]:
        """Yield the metrics, so that the registry refuses a name that is taken."""
        return self.collect()

    def __call__(self, event: Event) -> None:
        """Take one event; constant time, never waits."""
        self._handlers[type(event)](event)

    def _count(self, name: str, labels_of: Callable[[Any], Labels]) -> Callable[[Any], None]:
        series = self._values[name]

        def count(event: Any) -> None:
            labels = labels_of(event)
            series[labels] = series.get(labels, 0.0) + 1.0

        return count

    def _gauge(self, name: str, value_of: Callable[[Any], float]) -> Callable[[Any], None]:
        series = self._values[name]

        def gauge(event: Any) -> None:
            series[(event.link,)] = value_of(event)

        return gauge

    def _built(self, event: PipelineBuilt) -> None:
        begin: list[tuple[str, Labels]] = [(m.CALLS_TOTAL, (outcome,)) for outcome in Outcome]
        # The other outcomes' forty lines each come with their first call: a page is read each second.
        self._durations.of((event.link, Outcome.SUCCESS, self._arm))
        for policy in event.policies:
            begin += [(m.REJECTIONS_TOTAL, (policy,))] if policy in _REFUSING else []
            begin += [(name, labels) for name, each in _BEGIN.get(policy, ()) for labels in each]
        for name, labels in begin:
            self._values[name].setdefault((event.link, *labels), 0.0)

    def _ended(self, event: CallEnded) -> None:
        labels = (event.link, event.outcome)
        calls = self._values[m.CALLS_TOTAL]
        calls[labels] = calls.get(labels, 0.0) + 1.0
        durations = self._durations_of.get(labels)
        if durations is None:
            durations = self._durations_of[labels] = self._durations.of((*labels, self._arm))
        durations.observe(event.duration_s)

    def _cache(self, event: CacheAnswered) -> None:
        answers, labels = self._values[m.CACHE_ANSWERS_TOTAL], (event.link, event.freshness)
        if labels not in answers:
            # No pipeline says that there is a cache: its first answers do.
            for name, of in ((m.SHARED_CALLS_TOTAL, ()), *((m.CACHE_REFRESHES_TOTAL, (why,)) for why in Refresh)):
                self._values[name].setdefault((event.link, *of), 0.0)
        answers[labels] = answers.get(labels, 0.0) + 1.0

    def _breaker(self, event: BreakerChanged) -> None:
        self._values[m.BREAKER_STATE][(event.link,)] = m.BREAKER_STATE_VALUES[event.state]
        transitions, labels = self._values[m.BREAKER_TRANSITIONS_TOTAL], (event.link, event.state)
        transitions[labels] = transitions.get(labels, 0.0) + 1.0

    def _bulkhead(self, event: BulkheadChanged) -> None:
        labels = (event.link,)
        self._values[m.BULKHEAD_IN_FLIGHT][labels] = event.in_flight
        self._values[m.BULKHEAD_WAITING][labels] = event.waiting

    def _server_queue(self, event: ServerQueueChanged) -> None:
        labels = (event.server,)
        self._values[m.SERVER_IN_FLIGHT][labels] = event.in_flight
        self._values[m.SERVER_WAITING][labels] = event.waiting
