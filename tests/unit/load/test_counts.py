"""What a generator counts, how several are added up, and the quantiles that are read from it."""

import json
import random

import numpy as np
import pytest

from chaos.judging.quantiles import percentile
from loadtests.counts import Counts, quantile
from loadtests.metrics import LATENCY_BUCKETS_S, OUTCOMES
from loadtests.summary import summary

BROWSE = ("naive", "browse")


@pytest.fixture
def counts() -> Counts:
    return Counts(["naive", "protected"], ["checkout", "browse"], in_time_s=0.3)


def test_everything_is_there_with_0_from_the_start(counts: Counts) -> None:
    assert set(counts.lines) == {(arm, kind) for arm in ("naive", "protected") for kind in ("checkout", "browse")}
    assert {line.offered + line.sent + line.ended for line in counts.lines.values()} == {0}
    assert counts.in_flight == {"naive": 0, "protected": 0}


def test_a_request_is_offered_sent_and_ended(counts: Counts) -> None:
    counts.offer(*BROWSE)
    counts.send(*BROWSE, 0.002)
    assert counts.in_flight["naive"] == 1
    counts.end(*BROWSE, "answered", 0.2)

    line = counts.lines[BROWSE]
    assert (line.offered, line.sent, line.late, line.skipped, line.in_time, line.ended) == (1, 1, 0, 0, 1, 1)
    assert line.outcomes == {"answered": 1, "refused": 0, "failed": 0, "gave_up": 0}
    assert counts.in_flight["naive"] == 0


@pytest.mark.parametrize(("lag_s", "late"), [(0.0, 0), (0.01, 0), (0.0101, 1), (3.0, 1)])
def test_late_is_more_than_10_ms_after_the_intended_instant(counts: Counts, lag_s: float, late: int) -> None:
    counts.send(*BROWSE, lag_s)

    assert counts.lines[BROWSE].late == late


@pytest.mark.parametrize(
    ("outcome", "latency_s", "in_time"),
    [("answered", 0.3, 1), ("answered", 0.31, 0), ("refused", 0.1, 0), ("failed", 0.1, 0), ("gave_up", 0.1, 0)],
)
def test_in_time_is_answered_well_within_the_bound(
    counts: Counts, outcome: str, latency_s: float, in_time: int
) -> None:
    counts.send(*BROWSE)
    counts.end(*BROWSE, outcome, latency_s)

    assert counts.lines[BROWSE].in_time == in_time


def test_a_skipped_request_is_offered_and_not_sent(counts: Counts) -> None:
    counts.offer(*BROWSE)
    counts.skip(*BROWSE)

    line = counts.lines[BROWSE]
    assert (line.offered, line.sent, line.skipped, line.ended) == (1, 0, 1, 0)


def test_a_request_whose_end_nobody_sees_is_no_longer_in_flight(counts: Counts) -> None:
    counts.send(*BROWSE)
    counts.drop("naive")

    assert counts.in_flight["naive"] == 0
    assert counts.lines[BROWSE].ended == 0


@pytest.mark.parametrize("number", [0, 1, 20, len(LATENCY_BUCKETS_S) - 1])
def test_a_latency_on_a_bound_is_in_its_bucket(counts: Counts, number: int) -> None:
    """Prometheus' buckets are `le`: less than or equal."""
    counts.send(*BROWSE)
    counts.end(*BROWSE, "answered", LATENCY_BUCKETS_S[number])

    assert counts.lines[BROWSE].buckets.index(1) == number


def test_a_latency_beyond_the_last_bound_is_in_the_last_bucket(counts: Counts) -> None:
    counts.send(*BROWSE)
    counts.end(*BROWSE, "gave_up", 60)

    assert counts.lines[BROWSE].buckets[-1] == 1


def filled(seed: int, arms: tuple[str, ...] = ("naive",)) -> tuple[Counts, list[float]]:
    rng = random.Random(seed)  # noqa: S311  not for secrets
    counts = Counts(arms, ["browse"], 1.0)
    latencies = [rng.lognormvariate(-4, 1.5) for _ in range(2_000)]
    for latency_s in latencies:
        counts.offer(arms[0], "browse")
        counts.send(arms[0], "browse", rng.random() / 50)
        counts.end(arms[0], "browse", rng.choice(OUTCOMES), latency_s)
    return counts, latencies


@pytest.mark.parametrize("share", [0.01, 0.5, 0.95, 0.99, 1.0])
def test_a_quantile_is_within_1_percent_of_the_exact_one(share: float) -> None:
    counts, latencies = filled(1)

    assert quantile(counts.lines.values(), share) == pytest.approx(percentile(np.array(latencies), share), rel=0.01)


def test_nothing_has_no_quantile(counts: Counts) -> None:
    assert quantile(counts.lines.values(), 0.5) is None


def test_workers_are_added_up_from_what_they_sent() -> None:
    """Through JSON, whose keys are strings: the wire takes no more."""
    (first, one), (second, two) = filled(1), filled(2, ("other",))
    third, three = filled(3)
    sent = [json.loads(json.dumps(each.snapshot())) for each in (first, second, third)]

    total = Counts.total(sent, Counts(["naive", "idle"], ["browse"], 1.0))

    line = total.lines[BROWSE]
    assert line.offered == line.sent == line.ended == 4_000
    assert line.late == first.lines[BROWSE].late + third.lines[BROWSE].late > 0
    assert sum(line.buckets) == 4_000
    assert line.seconds == pytest.approx(sum(one) + sum(three))
    assert quantile([line], 0.9) == pytest.approx(percentile(np.array(one + three), 0.9), rel=0.01)
    assert total.lines["other", "browse"].seconds == pytest.approx(sum(two))
    assert total.lines["idle", "browse"].offered == 0
    assert total.in_flight == {"naive": 0, "idle": 0, "other": 0}


def test_adding_up_changes_none_of_the_parts() -> None:
    counts, _ = filled(1)
    before = json.dumps(counts.snapshot())

    Counts.total([counts.snapshot(), counts.snapshot()], counts)

    assert json.dumps(counts.snapshot()) == before


def test_a_summary_has_all_together_and_each_line_that_was_used() -> None:
    counts, latencies = filled(1, ("naive", "protected"))

    told = summary(counts, "naive", "http://127.0.0.1:18100")

    assert (told["arm"], told["host"], told["offered"], told["skipped"]) == (
        "naive",
        "http://127.0.0.1:18100",
        2_000,
        0,
    )
    assert told["p95_ms"] == pytest.approx(percentile(np.array(latencies), 0.95) * 1000, rel=0.01)
    assert [(line["arm"], line["kind"], line["sent"]) for line in told["lines"]] == [("naive", "browse", 2_000)]


def test_a_summary_of_nothing_has_no_latency(counts: Counts) -> None:
    told = summary(counts, "naive", "")

    assert (told["sent"], told["p50_ms"], told["lines"]) == (0, None, [])
