"""Where answers to reads come from, and how searches are answered: what shows a cache's worth, and a fallback's."""

from typing import Literal

from prometheus_client.core import CounterMetricFamily

from resilience.metrics_histogram import Durations
from services.common import metrics as m
from services.common.collectors import ByLabel
from services.common.kit import Kit

# copy: a fresh one. stale: an older one, for the database did not answer. failed: nothing helped.
Source = Literal["copy", "database", "stale", "failed"]
SOURCES: tuple[Source, ...] = ("copy", "database", "stale", "failed")
# By nearness, by words where nearness cannot be asked for; failed: neither.
Way = Literal["vector", "keywords", "failed"]
WAYS: tuple[Way, ...] = ("vector", "keywords", "failed")
# By the second as long as a copy is fresh, 10 s, so that a fresh one never looks older; then to the end of its keeping.
AGE_BUCKETS_S = (
    0.5, *map(float, range(1, 11)), 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 90.0, 120.0, 180.0, 300.0, 450.0,
    620.0,
)  # fmt: skip


class ReadUse:
    """Counts the answers of a service's reads by their source, and how old the copies were that answered."""

    def __init__(self, kit: Kit) -> None:
        labels = {"service": kit.service, "arm": kit.arm}
        self.reads: dict[str, int] = dict.fromkeys(SOURCES, 0)
        ages = Durations(m.READ_COPY_AGE, "Age of the copies that answered, in seconds.", (*labels,), AGE_BUCKETS_S)
        kit.registry.register(ages)
        self._ages = ages.of((kit.service, kit.arm))
        text = "Reads of what is cached, by where the answer came from."
        kit.registry.register(ByLabel(labels, "source", (CounterMetricFamily, m.READS_TOTAL, text, lambda: self.reads)))

    def answered(self, source: Source, age_s: float | None = None) -> None:
        """Count an answer; `age_s` is the copy's age in seconds where anybody knows it."""
        self.reads[source] += 1
        if age_s is not None:
            self._ages.observe(age_s)


class SearchUse:
    """Counts searches by how they were answered."""

    def __init__(self, kit: Kit) -> None:
        labels = {"service": kit.service, "arm": kit.arm}
        self.searches: dict[str, int] = dict.fromkeys(WAYS, 0)
        text = "Searches, by how they were answered."
        kit.registry.register(
            ByLabel(labels, "by", (CounterMetricFamily, m.SEARCHES_TOTAL, text, lambda: self.searches))
        )

    def searched(self, way: Way) -> None:
        """Count a search."""
        self.searches[way] += 1
