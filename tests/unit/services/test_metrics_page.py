"""The page behind /metrics is written by hand, so it is held to what prometheus_client writes of the same registry."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics, generate_latest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_open_metrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open_metrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from resilience.metrics_histogram import Durations
from services.common.metrics_page import MetricsPage

AWKWARD = 'a "quoted" \\ word\nand a second line'


@pytest.fixture
def registry() -> CollectorRegistry:
    """One of each kind, with and without labels, with values that are hard to write."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    counter = Counter("made_total", "What was made.", ["what"], registry=registry)
    counter.labels(AWKWARD).inc(3)
    counter.labels("").inc(1e9)
    Gauge("waiting", "Who waits.", registry=registry).set(0.1 + 0.2)
    gauge = Gauge("state", "How it stands.", ["link"], registry=registry)
    for name, value in {"nan": float("nan"), "inf": float("inf"), "minus": -1.0}.items():
        gauge.labels(name).set(value)
    durations = Durations("took_seconds", "How long it took.", ("route",), (0.001, 0.01, 0.1))
    for duration_s in (0.001, 0.05, 7.0):
        bucket = durations.of((AWKWARD,)).observe(duration_s)
        durations.of((AWKWARD,)).shown[bucket] = (f"request-{bucket}", duration_s, 1_700_000_000.25)
    durations.of(("/never",))
    registry.register(durations)
    return registry


def read(families: Any) -> list[tuple[Any, ...]]:
    """Return what a parser found, whatever the order of labels; values as text, for NaN is not equal to itself."""
    found: list[Metric] = list(families)
    return [
        (
            family.name,
            family.type,
            family.documentation,
            sorted(
                (one.name, sorted(one.labels.items()), repr(one.value), repr(one.exemplar)) for one in family.samples
            ),
        )
        for family in found
    ]


def test_the_text_says_what_the_library_says(registry: CollectorRegistry) -> None:
    text, content_type = MetricsPage(registry).write("text/plain")

    assert content_type.startswith("text/plain; version=0.0.4")
    assert read(read_text(text.decode())) == read(read_text(generate_latest(registry).decode()))


def test_open_metrics_say_what_the_library_says_exemplars_included(registry: CollectorRegistry) -> None:
    page, theirs = MetricsPage(registry).write("application/openmetrics-text;q=0.8"), generate_open_metrics(registry)  # type: ignore[no-untyped-call]

    assert page[1].startswith("application/openmetrics-text")
    found = read(read_open_metrics(page[0].decode()))  # type: ignore[no-untyped-call]
    assert found == read(read_open_metrics(theirs.decode()))  # type: ignore[no-untyped-call]
    assert "request-3" in str(found)


def test_a_second_page_shows_what_has_changed(registry: CollectorRegistry) -> None:
    """Names and labels are kept from page to page, values are not."""
    page = MetricsPage(registry)
    first, _ = page.write("")
    gauge = Gauge("later", "What came later.", registry=registry)
    gauge.set(2)

    second, _ = page.write("")

    assert second == first + b"# HELP later What came later.\n# TYPE later gauge\nlater 2.0\n"
