"""The generators' metrics as Prometheus reads them."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from loadtests.counts import Counts
from loadtests.exposition import exposition
from loadtests.metrics import LATENCY_BUCKETS_S, LOAD_LATENCY, LOAD_REQUESTS_TOTAL, LOAD_USERS, METRICS
from resilience.metrics import DURATION_BUCKETS_S

ARMS, KINDS = ("naive", "protected"), ("checkout", "browse")


def read(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Return each sample's value by its name and its labels' values."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_the_grid_is_that_of_the_services() -> None:
    """The load generator may import nothing of theirs, so it is written twice."""
    assert LATENCY_BUCKETS_S == DURATION_BUCKETS_S


def test_every_metric_is_exposed_with_its_kind_and_its_labels() -> None:
    text = exposition(Counts(ARMS, KINDS, 1.0), {"Browsing": 0})

    families = {family.name: family for family in text_string_to_metric_families(text)}
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name]
        assert (family.type, family.documentation) == (metric.kind, metric.text)
        assert {tuple(name for name in sample.labels if name != "le") for sample in family.samples} == {metric.labels}
    assert len(families) == len(METRICS)


def test_every_series_is_there_with_0_before_anything_is_sent() -> None:
    samples = read(exposition(Counts(ARMS, KINDS, 1.0), {}))

    assert {value for series in samples.values() for value in series.values()} == {0}
    assert len(samples[LOAD_REQUESTS_TOTAL]) == len(ARMS) * len(KINDS) * 4
    assert len(samples[f"{LOAD_LATENCY}_bucket"]) == len(ARMS) * len(KINDS) * (len(LATENCY_BUCKETS_S) + 1)


def test_the_figures_are_those_that_were_counted() -> None:
    counts = Counts(ARMS, KINDS, 1.0)
    for latency_s, outcome in ((0.0005, "answered"), (0.0011, "answered"), (50.0, "gave_up")):
        counts.offer("naive", "browse")
        counts.send("naive", "browse", 0.02)
        counts.end("naive", "browse", outcome, latency_s)
    counts.offer("naive", "browse")
    counts.send("naive", "browse")

    samples = read(exposition(counts, {"Browsing": 7}))

    key = ("naive", "browse")
    assert samples["load_offered_total"][key] == samples["load_sent_total"][key] == 4
    assert samples["load_late_total"][key] == 3
    assert samples["load_in_time_total"][key] == 2
    assert samples["load_requests_total"][*key, "gave_up"] == 1
    assert samples["load_in_flight"]["naive",] == 1
    assert samples[LOAD_USERS]["Browsing",] == 7
    buckets = [samples["load_latency_seconds_bucket"][*key, bound] for bound in ("0.001", "0.0013", "+Inf")]
    assert buckets[:2] == [1, 2]
    assert buckets[-1] == samples["load_latency_seconds_count"][key] == 3
    assert samples["load_latency_seconds_sum"][key] == pytest.approx(50.0016)


def test_a_name_with_quotes_is_read_back_as_it_was() -> None:
    odd = 'a "b"\\\n'
    counts = Counts([odd], ["browse"], 1.0)
    counts.offer(odd, "browse")

    assert read(exposition(counts, {}))["load_offered_total"] == {(odd, "browse"): 1}
