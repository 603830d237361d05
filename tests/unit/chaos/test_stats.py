"""The interval of a difference holds what it says, on data as correlated as a shop's."""

from dataclasses import replace

import numpy as np
import pytest

from chaos.judging.rows import Rows
from chaos.judging.stats import Pair, differences, interval
from chaos.records import Request
from chaos.scenario import Kind
from tests.unit.chaos.builders import SKIPPED, Answer, collapse, requests, scenario

SECONDS = 20
TRIALS = 200


def shop(rng: np.random.Generator, shift: float = 0.0) -> tuple[Rows, Rows]:
    """Two arms for 20 s at 40/s; each second has a mood of its own, most of it common to both arms.

    Latencies are log-normal around 100 ms; `shift` is added to the logarithms of the second arm.
    """
    common = rng.normal(0, 0.3, SECONDS)
    arms = []
    for arm in (0, 1):
        own = rng.normal(0, 0.15, SECONDS)
        at_s = np.sort(rng.uniform(0, SECONDS, rng.poisson(40 * SECONDS)))
        second = at_s.astype(int)
        noise = rng.normal(0, 0.5, len(at_s))
        latency_ms = 100 * np.exp(common[second] + own[second] + noise + shift * arm)
        no, yes = np.zeros(len(at_s), bool), np.ones(len(at_s), bool)
        arms.append(Rows(at_s, latency_ms, yes, no, no, no, no, no, no))
    return arms[0], arms[1]


def coverage(shift: float, truth_share: float, truth_ms: float) -> tuple[float, float]:
    """Return how often the intervals of the share within 150 ms and of p95 hold the truth."""
    rng = np.random.default_rng(11)
    held = np.zeros(2)
    for _ in range(TRIALS):
        pair = Pair(*shop(rng, shift), 0, SECONDS)
        draws = pair.draws(rng, 300)
        for index, (estimate, truth) in enumerate(
            ((pair.share(draws, 0.150), truth_share), (pair.quantile(draws, 0.95), truth_ms))
        ):
            assert estimate is not None
            held[index] += estimate[1] <= truth <= estimate[2]
    return held[0] / TRIALS, held[1] / TRIALS


def test_equal_arms_are_found_equal_at_about_the_nominal_rate() -> None:
    """The bounds are 4 standard errors of a rate of 0.95 in 200 trials (0.015 each)."""
    share, p95 = coverage(0.0, 0.0, 0.0)

    assert 0.89 <= share <= 1.0
    assert 0.89 <= p95 <= 1.0


def test_a_true_difference_is_held_at_about_the_nominal_rate() -> None:
    """The truth is computed from 400,000 seconds' worth of the same distribution."""
    rng = np.random.default_rng(5)
    spread = np.sqrt(0.3**2 + 0.15**2 + 0.5**2)
    first, second = (100 * np.exp(rng.normal(shift, spread, 2_000_000)) for shift in (0, 0.3))
    share, p95 = coverage(
        0.3,
        float((second <= 150).mean() - (first <= 150).mean()),
        float(np.quantile(second, 0.95) - np.quantile(first, 0.95)),
    )

    assert 0.87 <= share <= 1.0
    assert 0.87 <= p95 <= 1.0


def test_a_difference_of_a_third_is_not_taken_for_chance() -> None:
    pair = Pair(*shop(np.random.default_rng(3), 0.3), 0, SECONDS)
    estimate = pair.quantile(pair.draws(np.random.default_rng(1), 500), 0.95)

    assert estimate is not None
    assert estimate[1] > 0


def test_drawing_single_requests_would_promise_too_much() -> None:
    """Blocks matter: on the same data, unpaired and by request, the interval is narrower than what it must hold."""
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(TRIALS):
        marks = [rows.latency_ms <= 150 for rows in shop(rng)]
        gaps = [
            rng.choice(marks[1], len(marks[1])).mean() - rng.choice(marks[0], len(marks[0])).mean() for _ in range(200)
        ]
        low, high = np.quantile(gaps, [0.025, 0.975])
        held += bool(low <= 0 <= high)

    assert held / TRIALS < 0.89


def test_the_first_arm_is_the_reference() -> None:
    found = {(one.phase, one.figure): one for one in differences(requests(collapse), scenario(), 7)}

    own = found["fault", "browse.p95_ms"]
    assert (own.first, own.second, own.value, own.low, own.high) == ("naive", "protected", -4980, -4980, -4980)
    assert found["fault", "browse.in_time_share"].value == 1
    assert found["fault", "checkout.in_time_share"].value == 0
    assert own.seconds == 10


def test_each_further_arm_has_its_differences() -> None:
    arms = [{"name": name, "profile": "naive"} for name in ("a", "b", "c")]
    found = differences(requests(arms=("a", "b", "c")), scenario(arms=arms), 7)

    assert [(one.second, one.phase, one.figure) for one in found] == [
        (second, phase, figure)
        for second in ("b", "c")
        for phase in ("fault", "recovery")
        for figure in ("checkout.in_time_share", "checkout.p95_ms", "browse.in_time_share", "browse.p95_ms")
    ]


def noisy(seed: int) -> list[Request]:
    rng = np.random.default_rng(seed)
    return [replace(request, latency_ms=float(rng.lognormal(3, 0.5))) for request in requests()]


def test_a_seed_gives_the_same_intervals_again_and_another_seed_others() -> None:
    found = noisy(1)

    assert differences(found, scenario(), 7) == differences(found, scenario(), 7)
    assert differences(found, scenario(), 7) != differences(found, scenario(), 8)


def test_the_order_of_the_rows_does_not_matter() -> None:
    """Rows are written as they complete."""
    found = noisy(1)

    assert differences(found[::-1], scenario(), 7) == differences(found, scenario(), 7)


def test_what_cannot_be_compared_is_left_out() -> None:
    def only_browse(_arm: str, kind: Kind, _at_s: float) -> Answer:
        return SKIPPED if kind == "checkout" else Answer()

    assert differences([], scenario(), 7) == ()
    figures = {one.figure for one in differences(requests(only_browse), scenario(), 7)}
    assert figures == {"checkout.in_time_share", "browse.in_time_share", "browse.p95_ms"}


def test_seconds_in_which_only_one_arm_had_requests_are_no_pairs() -> None:
    found = [r for r in requests() if not (r.arm == "naive" and 14 <= r.intended_s < 17)]

    assert {one.seconds for one in differences(found, scenario(), 7) if one.phase == "fault"} == {7}


@pytest.mark.parametrize(("blocks", "low"), [(1000, 0.025), (20, 0.0159), (5, 0.00098)])
def test_few_blocks_widen_the_interval(blocks: int, low: float) -> None:
    """The tail is Phi(-sqrt(n / (n-1)) t): with 20 blocks 1.6 % instead of 2.5 %."""
    found, _ = interval(np.linspace(0, 1, 100_001), blocks)

    assert found == pytest.approx(low, rel=0.03)
