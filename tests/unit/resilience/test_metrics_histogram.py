"""Histograms of durations: counted as plain numbers, read as prometheus_client reads its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from resilience.metrics_histogram import DurationHistogram, Durations

BOUNDS_S = (0.001, 0.01, 0.1)


@given(st.lists(st.floats(0, 1) | st.sampled_from(BOUNDS_S), max_size=30))
def test_it_counts_as_the_library_does(durations_s: list[float]) -> None:
    """Bounds are inclusive, each bucket holds those before it, and +Inf holds all."""
    theirs = Histogram("took_seconds", "x", buckets=BOUNDS_S, registry=(registry := CollectorRegistry()))
    ours = Durations("took_seconds", "x", (), BOUNDS_S)
    ours.of(())
    for duration_s in durations_s:
        theirs.observe(duration_s)
        ours.of(()).observe(duration_s)

    def read(where: CollectorRegistry) -> dict[tuple[str, str], float]:
        samples = [sample for family in where.collect() for sample in family.samples]
        return {(one.name, one.labels.get("le", "")): one.value for one in samples if not one.name.endswith("_created")}

    mine = CollectorRegistry()
    mine.register(ours)
    assert read(mine) == pytest.approx(read(registry))


@pytest.mark.parametrize(("duration_s", "bucket"), [(0.0, 0), (0.001, 0), (0.0011, 1), (0.1, 2), (5.0, 3)])
def test_an_observation_tells_its_bucket(duration_s: float, bucket: int) -> None:
    assert DurationHistogram(BOUNDS_S).observe(duration_s) == bucket


def test_a_name_is_taken_once() -> None:
    registry = CollectorRegistry()
    registry.register(Durations("took_seconds", "x", (), BOUNDS_S))

    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(Durations("took_seconds", "y", (), BOUNDS_S))


def test_lines_are_the_samples_with_labels_in_the_order_of_their_names() -> None:
    durations = Durations("took_seconds", "x", ("route", "arm"), (0.5,))
    durations.of(('a"b\\c\n', "naive")).observe(0.25)

    assert list(durations.lines(exemplars=False)) == [
        'took_seconds_bucket{arm="naive",le="0.5",route="a\\"b\\\\c\\n"} 1.0',
        'took_seconds_bucket{arm="naive",le="+Inf",route="a\\"b\\\\c\\n"} 1.0',
        'took_seconds_count{arm="naive",route="a\\"b\\\\c\\n"} 1.0',
        'took_seconds_sum{arm="naive",route="a\\"b\\\\c\\n"} 0.25',
    ]


def test_a_metric_without_labels_has_no_braces() -> None:
    durations = Durations("took_seconds", "x", (), (0.5,))
    durations.of(())

    assert list(durations.lines(exemplars=True))[1:] == [
        'took_seconds_bucket{le="+Inf"} 0.0',
        "took_seconds_count 0.0",
        "took_seconds_sum 0.0",
    ]


def test_a_bucket_shows_the_request_put_into_it_where_exemplars_are_asked_for() -> None:
    durations = Durations("took_seconds", "x", (), (0.5,))
    histogram = durations.of(())
    histogram.shown[histogram.observe(0.25)] = ("request-7", 0.25, 1_700_000_000.12345)

    plain, shown = (next(iter(durations.lines(exemplars=exemplars))) for exemplars in (False, True))

    assert plain == 'took_seconds_bucket{le="0.5"} 1.0'
    assert shown == plain + ' # {request_id="request-7"} 0.25 1700000000.123'
    (family,) = durations.collect()
    exemplar = family.samples[0].exemplar
    assert exemplar is not None
    assert (exemplar.labels, exemplar.value) == ({"request_id": "request-7"}, 0.25)
