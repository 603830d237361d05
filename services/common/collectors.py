"""Metrics that are read when somebody asks, and cost nothing in between."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class AtScrape(Collector):
    """Gauges that are read when somebody asks, and cost nothing in between."""

    def __init__(self, labels: dict[str, str], read: Callable[[], dict[str, tuple[str, float]]]) -> None:
        self._labels = labels
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Yield what stands now."""
        for name, (text, value) in self._read().items():
            family = GaugeMetricFamily(name, text, labels=list(self._labels))
            family.add_metric(list(self._labels.values()), value)
            yield family

    def describe(self) -> Iterator[Metric]:
        """Yield nothing, so that registering reads nothing."""
        # Without this the registry would collect once at registration, before the pool is open.
        return iter(())


class ByLabel(Collector):
    """Gauges and counters that somebody else keeps, each by the values of one more label."""

    def __init__(
        self,
        labels: dict[str, str],
        label: str,
        *families: tuple[type[GaugeMetricFamily | CounterMetricFamily], str, str, Callable[[], Mapping[str, float]]],
    ) -> None:
        self._labels, self._label, self._families = labels, label, families

    def collect(self) -> Iterator[Metric]:
        """Yield what stands now."""
        for family_of, name, text, read in self._families:
            family = family_of(name, text, labels=[*self._labels, self._label])
            for value, number in read().items():
                family.add_metric([*self._labels.values(), value], number)
            yield family

    def describe(self) -> Iterator[Metric]:
        """Yield nothing, as above."""
        return iter(())


class Counted(Collector):
    """A counter that somebody else keeps, read when somebody asks."""

    def __init__(self, labels: dict[str, str], name: str, text: str, read: Callable[[], int]) -> None:
        self._labels, self._name, self._text, self._read = labels, name, text, read

    def collect(self) -> Iterator[Metric]:
        """Yield what stands now."""
        family = CounterMetricFamily(self._name, self._text, labels=list(self._labels))
        family.add_metric(list(self._labels.values()), self._read())
        yield family
