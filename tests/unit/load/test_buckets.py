"""Buckets that are recorded sparsely are, put together again, the page's own."""

import random

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from chaos.recording.buckets import BucketReader, BucketWriter
from chaos.recording.exposition import samples

BOUNDS = (0.1, 1.0, 10.0)


def page(*observed: float, name: str = "wait_seconds", arm: str = "naive") -> str:
    registry = CollectorRegistry()
    histogram = Histogram(name, "Waiting.", ["arm"], buckets=BOUNDS, registry=registry).labels(arm=arm)
    for value in observed:
        histogram.observe(value)
    return generate_latest(registry).decode()


def of_page(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if "_bucket{" in line]
    return {series: float(value) for series, _, value in lines}


def test_the_first_page_is_written_with_every_bound_in_order() -> None:
    row = BucketWriter().changes(page(5.0))

    assert row == {'wait_seconds{arm="naive"}': {"0.1": 0, "1.0": 0, "10.0": 1, "+Inf": 0}}
    assert list(row['wait_seconds{arm="naive"}']) == ["0.1", "1.0", "10.0", "+Inf"]


def test_only_the_bucket_that_took_something_is_written_again() -> None:
    writer = BucketWriter()
    writer.changes(page(5.0))

    assert writer.changes(page(5.0, 0.5)) == {'wait_seconds{arm="naive"}': {"1.0": 1}}
    assert writer.changes(page(5.0, 0.5)) == {}


def test_a_process_that_starts_anew_takes_its_old_figures_back() -> None:
    writer = BucketWriter()
    writer.changes(page(5.0, 5.0, 0.5))

    assert writer.changes(page(0.5)) == {'wait_seconds{arm="naive"}': {"10.0": 0}}


@pytest.mark.parametrize("seed", range(20))
def test_what_is_read_is_what_the_pages_said(seed: int) -> None:
    """Over any pages: histograms that come and go, processes that start anew, labels with commas and braces."""
    rng = random.Random(seed)  # noqa: S311 - a seeded test
    writer, reader = BucketWriter(), BucketReader()
    observed: dict[tuple[str, str], list[float]] = {}
    for _ in range(30):
        key = (rng.choice(["wait_seconds", "work_seconds"]), rng.choice(["naive", 'odd "},{le=']))
        observed.setdefault(key, []).append(rng.choice([0.05, 0.5, 5.0, 50.0]))
        if rng.random() < 0.2:
            observed.pop(rng.choice(list(observed)))
        text = "".join(page(*values, name=name, arm=arm) for (name, arm), values in observed.items())

        assert reader.samples(writer.changes(text), samples(text)) == of_page(text)


def test_a_bucket_without_a_bound_is_no_page() -> None:
    with pytest.raises(ValueError, match="without le"):
        BucketWriter().changes('wait_seconds_bucket{arm="naive"} 1')
