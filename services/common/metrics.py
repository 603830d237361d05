"""Every metric a service exposes beside the policies' own (resilience/metrics.py). Names live here once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from resilience.metrics import DURATION_BUCKETS_S
from resilience.metrics_histogram import DurationHistogram, Durations
from services.common.collectors import AtScrape, ByLabel, Counted

HTTP_DURATION = "http_server_request_duration_seconds"
HTTP_IN_FLIGHT = "http_server_in_flight"
DB_POOL_SIZE = "db_pool_size"
DB_POOL_USED = "db_pool_used"
DB_POOL_WAITING = "db_pool_waiting"
EVENT_LOOP_LAG = "event_loop_lag_seconds"
EVENT_LOOP_LAG_MAX = "event_loop_lag_seconds_max"
THREAD_TOKENS = "thread_tokens"
THREAD_TOKENS_USED = "thread_tokens_used"
THREAD_TOKENS_WAITING = "thread_tokens_waiting"
SLOW_CALLS_TOTAL = "fault_slow_calls_total"
JOB_RUNS_TOTAL = "job_runs_total"
JOB_LATENESS = "job_lateness_seconds"
JOB_LEADS = "job_leads"
OUTBOX_UNPUBLISHED = "outbox_unpublished"
OUTBOX_OLDEST = "outbox_oldest_seconds"
OUTBOX_PUBLISHED_TOTAL = "outbox_published_total"
OUTBOX_PUBLISH_FAILURES_TOTAL = "outbox_publish_failures_total"
OUTBOX_DELAY = "outbox_delay_seconds"
CONSUMER_JOINED = "consumer_joined"
CONSUMER_JOINS_TOTAL = "consumer_joins_total"
CONSUMER_LAG = "consumer_lag_messages"
CONSUMER_CONSUMED_TOTAL = "consumer_consumed_total"
CONSUMER_REPEATED_TOTAL = "consumer_repeated_total"
CONSUMER_DEAD_LETTERED_TOTAL = "consumer_dead_lettered_total"
CONSUMER_DELAY = "consumer_delay_seconds"
STREAMS_OPEN = "streams_open"
STREAMS_DROPPED_TOTAL = "streams_dropped_total"
READS_TOTAL = "reads_total"
READ_COPY_AGE = "read_copy_age_seconds"
SEARCHES_TOTAL = "searches_total"

# OpenMetrics allows an exemplar 128 characters, its label's name among them.
LONGEST_EXEMPLAR = 100


class PoolUse:
    """How a connection pool stands: open connections, those in use, and callers waiting for one."""

    def __init__(self, *, size: int, used: int, waiting: int) -> None:
        self.size = size
        self.used = used
        self.waiting = waiting


@dataclass(frozen=True, slots=True)
class ThreadTokens:
    """How the threads of plain `def` handlers stand: how many there may be, how many run, and who waits for one."""

    size: float
    used: int
    waiting: int


class ServiceMetrics:
    """The metrics of one process, in a registry of its own, so that tests run many services in one interpreter."""

    def __init__(self, registry: CollectorRegistry, *, service: str, arm: str) -> None:
        self._registry = registry
        self._labels = {"service": service, "arm": arm}
        self._requests = Durations(
            HTTP_DURATION, "Time to answer a request, in seconds.",
            (*self._labels, "method", "route", "status"), DURATION_BUCKETS_S,
        )  # fmt: skip
        registry.register(self._requests)
        self._pools: dict[str, Callable[[], PoolUse]] = {}
        self._of: dict[tuple[str, str, int], DurationHistogram] = {}
        # A plain number: a Gauge takes a lock a step.
        self.in_flight = 0
        registry.register(
            AtScrape(self._labels, lambda: {HTTP_IN_FLIGHT: ("Requests being answered now.", self.in_flight)})
        )

    def answered(self, key: tuple[str, str, int], duration_s: float, *, request_id: str, wall_s: float) -> None:
        """Count one answer; `key` is (method, route, status), `wall_s` the epoch seconds of its end."""
        durations = self._of.get(key)
        if durations is None:
            method, route, status = key
            durations = self._requests.of((*self._labels.values(), method, route, str(status)))
            self._of[key] = durations
        bucket = durations.observe(duration_s)
        if len(request_id) <= LONGEST_EXEMPLAR:
            durations.shown[bucket] = (request_id, duration_s, wall_s)

    def watch_pool(self, read: Callable[[], PoolUse], *, store: str = "postgres") -> None:
        """Expose a connection pool; `store` is what its connections lead to, one pool each."""
        self._pools[store] = read
        if len(self._pools) > 1:
            return

        def gauge(name: str, text: str, of: Callable[[PoolUse], int]) -> Any:
            return GaugeMetricFamily, name, text, lambda: {store: of(read()) for store, read in self._pools.items()}

        self._registry.register(
            ByLabel(
                self._labels,
                "store",
                gauge(DB_POOL_SIZE, "Open connections of the pool.", lambda use: use.size),
                gauge(DB_POOL_USED, "Connections in use.", lambda use: use.used),
                gauge(DB_POOL_WAITING, "Callers waiting for a connection.", lambda use: use.waiting),
            )
        )

    def watch_loop_lag(self, max_s: Callable[[], float]) -> None:
        """Expose the event loop's worst lag of late."""
        text = "Worst lag of the event loop within the last 1 to 2 seconds, in seconds."
        self._registry.register(AtScrape(self._labels, lambda: {EVENT_LOOP_LAG_MAX: (text, max_s())}))

    def loop_lags(self, bounds_s: Sequence[float]) -> DurationHistogram:
        """Return where every lag of the event loop goes."""
        text = "How late the event loop called back, asked each 25 ms, in seconds."
        lags = Durations(EVENT_LOOP_LAG, text, tuple(self._labels), bounds_s)
        self._registry.register(lags)
        return lags.of(tuple(self._labels.values()))

    def watch_streams(self, opened: Callable[[], Mapping[str, int]], dropped: Callable[[], Mapping[str, int]]) -> None:
        """Expose streams by their kind: how many are open, and how many readers were too slow."""
        self._registry.register(
            ByLabel(
                self._labels,
                "kind",
                (GaugeMetricFamily, STREAMS_OPEN, "Streams to readers that are open.", opened),
                (
                    CounterMetricFamily,
                    STREAMS_DROPPED_TOTAL,
                    "Readers that were too slow and lost their stream.",
                    dropped,
                ),
            )
        )

    def watch_slow_calls(self, read: Callable[[], int]) -> None:
        """Expose how many slow calls a fault of this process has made."""
        text = "Calls that a fault switched on in this process made slow."
        self._registry.register(Counted(self._labels, SLOW_CALLS_TOTAL, text, read))

    def watch_threads(self, read: Callable[[], ThreadTokens]) -> None:
        """Expose the threads that plain `def` handlers run in."""

        def gauges() -> dict[str, tuple[str, float]]:
            tokens = read()
            return {
                THREAD_TOKENS: ("Threads that may run plain def handlers at once.", tokens.size),
                THREAD_TOKENS_USED: ("Threads that run one now.", tokens.used),
                THREAD_TOKENS_WAITING: ("Requests waiting for a thread.", tokens.waiting),
            }

        self._registry.register(AtScrape(self._labels, gauges))
