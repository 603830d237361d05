"""What a scrape shows beside the numbers."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from resilience.events import CallEnded
from resilience.metrics import METRICS
from resilience.metrics_listener import MetricsListener
from resilience.outcome import Outcome


def test_every_metric_says_what_it_counts() -> None:
    registry = CollectorRegistry()
    MetricsListener(registry, arm="protected")

    # A counter's family goes without the ending that its samples have.
    shown = {family.name: family.documentation for family in registry.collect()}
    assert shown == {metric.name.removesuffix("_total"): metric.text for metric in METRICS}


def test_a_second_listener_in_one_registry_is_refused() -> None:
    """Two would tell each series twice."""
    registry = CollectorRegistry()
    MetricsListener(registry, arm="protected")

    with pytest.raises(ValueError, match="Duplicated timeseries"):
        MetricsListener(registry, arm="naive")


def test_a_scrape_reads_as_text() -> None:
    registry = CollectorRegistry()
    listener = MetricsListener(registry, arm="protected")

    listener(CallEnded("orders_to_payments", Outcome.SUCCESS, 0.1))

    line = 'resilience_calls_total{arm="protected",link="orders_to_payments",outcome="success"} 1.0'
    assert line in generate_latest(registry).decode().splitlines()
