"""Every metric a service exposes beside the policies' own (resilience/metrics.py). Names live here once."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

HTTP_DURATION = "http_server_request_duration_seconds"
HTTP_IN_FLIGHT = "http_server_in_flight"
DB_POOL_SIZE = "db_pool_size"
DB_POOL_USED = "db_pool_used"
DB_POOL_WAITING = "db_pool_waiting"
EVENT_LOOP_LAG = "event_loop_lag_seconds_max"

# 1 ms x 1.3^n: 39 bounds to 21 s. The client library's default buckets would show 120 ms as 249 ms; here a
# quantile is at most 30 % off.
DURATION_BUCKETS_S = tuple(round(0.001 * 1.3**n, 6) for n in range(39))


class PoolUse:
    """How a connection pool stands: open connections, those in use, and callers waiting for one."""

    def __init__(self, *, size: int, used: int, waiting: int) -> None:
        self.size = size
        self.used = used
        self.waiting = waiting


class _AtScrape(Collector):
    """Gauges that are read when somebody asks, and cost nothing in between."""

    def __init__(self, labels: dict[str, str], read: Callable[[], dict[str, tuple[str, float]]]) -> None:
        self._labels = labels
        self._read = read

    def collect(self) -> Iterator[Metric]:
        for name, (text, value) in self._read().items():
            family = GaugeMetricFamily(name, text, labels=list(self._labels))
            family.add_metric(list(self._labels.values()), value)
            yield family

    def describe(self) -> Iterator[Metric]:
        # Without this the registry would collect once at registration, before the pool is open.
        return iter(())


class ServiceMetrics:
    """The metrics of one process, in a registry of its own, so that tests run many services in one interpreter."""

    def __init__(self, registry: CollectorRegistry, *, service: str, arm: str) -> None:
        self._registry = registry
        self._labels = {"service": service, "arm": arm}
        self._duration = Histogram(
            HTTP_DURATION,
            "Time to answer a request, in seconds.",
            [*self._labels, "method", "route", "status"],
            buckets=DURATION_BUCKETS_S,
            registry=registry,
        )
        self.in_flight = Gauge(
            HTTP_IN_FLIGHT, "Requests being answered now.", list(self._labels), registry=registry
        ).labels(**self._labels)
        self._children: dict[tuple[str, str, int], Histogram] = {}

    def answered(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count one answer. The child is kept: looking it up by labels costs more than the observation."""
        key = (method, route, status)
        child = self._children.get(key)
        if child is None:
            child = self._duration.labels(**self._labels, method=method, route=route, status=str(status))
            self._children[key] = child
        child.observe(duration_s)

    def watch_pool(self, read: Callable[[], PoolUse]) -> None:
        """Expose a connection pool."""

        def gauges() -> dict[str, tuple[str, float]]:
            use = read()
            return {
                DB_POOL_SIZE: ("Open connections of the pool.", use.size),
                DB_POOL_USED: ("Connections in use.", use.used),
                DB_POOL_WAITING: ("Callers waiting for a connection.", use.waiting),
            }

        self._registry.register(_AtScrape(self._labels, gauges))

    def watch_loop_lag(self, take_max_s: Callable[[], float]) -> None:
        """Expose the event loop's worst lag since the last scrape; `take_max_s` returns it and starts over."""
        text = "Worst lag of the event loop since the last scrape, in seconds."
        self._registry.register(_AtScrape(self._labels, lambda: {EVENT_LOOP_LAG: (text, take_max_s())}))
