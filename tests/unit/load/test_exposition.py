"""Prometheus' text format, held against the library that writes it."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from chaos.recording.exposition import samples, select


def page() -> str:
    registry = CollectorRegistry()
    duration = Histogram("http_seconds", "text", ["route", "status"], registry=registry)
    duration.labels("/products/{sku}/stock", "200").observe(0.25)
    duration.labels('a "quoted\\ one" with spaces, and = signs', "503").observe(3)
    calls = Counter("calls", "HELP with a # and { braces }", ["link", "outcome"], registry=registry)
    calls.labels("a_to_b", "success").inc(3)
    calls.labels("a_to_b", "failure").inc(2)
    calls.labels("a_to_c", "success").inc(40)
    Gauge("pool_used", "text", registry=registry).set(1.5e-7)
    Gauge("pool", "text", registry=registry).set(8)
    Gauge("absent", "text", registry=registry).set(float("nan"))
    Gauge("endless", "text", registry=registry).set(float("inf"))
    return generate_latest(registry).decode()


def test_every_finite_sample_but_buckets_and_creation_times_is_read() -> None:
    expected = {}
    for family in text_string_to_metric_families(page()):
        for sample in family.samples:
            if not sample.name.endswith(("_bucket", "_created")) and family.name not in {"absent", "endless"}:
                expected[(sample.name, tuple(sorted(sample.labels.items())))] = sample.value

    found = samples(page())

    assert len(found) == len(expected) == 9
    for (name, labels), value in expected.items():
        plain = {key: text for key, text in labels if "quoted" not in text}
        if len(plain) == len(labels):
            assert select(found, name, plain) == value


def test_a_metric_is_summed_over_the_series_that_carry_the_labels() -> None:
    found = samples(page())

    assert select(found, "calls_total", {}) == 45
    assert select(found, "calls_total", {"link": "a_to_b"}) == 5
    assert select(found, "calls_total", {"link": "a_to_b", "outcome": "failure"}) == 2


def test_a_name_does_not_stand_for_longer_names() -> None:
    assert select(samples(page()), "pool", {}) == 8


def test_what_is_not_there_is_none_and_not_zero() -> None:
    found = samples(page())

    assert select(found, "calls_total", {"link": "x_to_y"}) is None
    assert select(found, "waiting", {}) is None
    assert select(found, "absent", {}) is None


def test_an_empty_page_has_no_samples() -> None:
    assert samples("") == {}


@pytest.mark.parametrize("text", ["<html>no</html>", "pool_used eight", "{}"])
def test_another_page_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="could not convert"):
        samples(text)
