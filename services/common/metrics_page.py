"""The page behind /metrics: Prometheus' text, or OpenMetrics for whoever asks for it, which carries the exemplars.

prometheus_client writes 7 to 11 us a line, and ten services of 600 lines each are read every second: this is what keeps
the reading below a hundredth of a processor.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.samples import Sample

from resilience.metrics_histogram import DurationFamily, line_head

_OPEN_METRICS = "application/openmetrics-text"


class MetricsPage:
    """Writes down what a registry holds; keeps the text of names and labels from one page to the next."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._heads: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}

    def write(self, accept: str) -> tuple[bytes, str]:
        """Return the page and its content type, by the Accept header of the request."""
        open_metrics = _OPEN_METRICS in accept
        lines = [line for family in self._registry.collect() for line in self._lines(family, open_metrics=open_metrics)]
        lines += ["# EOF"] if open_metrics else []
        content_type = CONTENT_TYPE_LATEST if open_metrics else CONTENT_TYPE_PLAIN_0_0_4
        return ("\n".join(lines) + "\n").encode(), content_type

    def _lines(self, family: Metric, *, open_metrics: bool) -> Iterator[str]:
        # Prometheus' text names a counter by its samples, OpenMetrics without their ending.
        name = f"{family.name}_total" if family.type == "counter" and not open_metrics else family.name
        yield f"# HELP {name} {family.documentation}"
        yield f"# TYPE {name} {family.type}"
        if isinstance(family, DurationFamily):
            yield from family.durations.lines(exemplars=open_metrics)
        else:
            yield from (f"{self._head(sample)}{float(sample.value)}" for sample in family.samples)

    def _head(self, sample: Sample) -> str:
        key = sample.name, tuple(sample.labels.items())
        head = self._heads.get(key)
        if head is None:
            head = self._heads[key] = line_head(sample.name, sample.labels)
        return head
