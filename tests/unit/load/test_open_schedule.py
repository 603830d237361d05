"""Open arrivals whose rate follows a shape."""

import math
from itertools import islice, pairwise

import pytest

from loadtests.open_schedule import open_arrivals
from loadtests.schedule import Arrival

SEEDS = ("1/0", "7/0", "7/1")


def drawn(
    seed: str, rate: float = 100, shape: str = "steady", duration_s: float = 100, buying: float = 0.3
) -> list[Arrival]:
    return list(open_arrivals(seed, rate, shape, duration_s, buying, key="k"))


def within(arrivals: list[Arrival], from_s: float, to_s: float) -> int:
    return sum(from_s <= each.intended_s < to_s for each in arrivals)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rate_is_the_one_asked_for_and_the_gaps_are_exponential(seed: str) -> None:
    arrivals = drawn(seed)

    # A Poisson count has the standard deviation of its root.
    assert abs(len(arrivals) - 10_000) < 5 * 100
    gaps = [later.intended_s - earlier.intended_s for earlier, later in pairwise(arrivals)]
    # Of an exponential distribution, exp(-1) lie above the mean.
    assert sum(gap > 0.01 for gap in gaps) / len(gaps) == pytest.approx(math.exp(-1), abs=0.025)
    assert all(gap >= 0 for gap in gaps)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("step", [625, 1250, 1875, 2500]),
        ("ramp", [422, 1016, 1609, 2203]),
        # A tenth, but for the middle fifth: 15 s of it and 10 s of all in each of the two middle quarters.
        ("spike", [250, 1150, 1150, 250]),
    ],
)
def test_a_shape_moves_the_rate(seed: str, shape: str, expected: list[int]) -> None:
    arrivals = drawn(seed, shape=shape)

    for quarter, count in enumerate(expected):
        assert abs(within(arrivals, quarter * 25, quarter * 25 + 25) - count) < 5 * math.sqrt(count)


def test_a_shape_has_a_part_of_the_steady_customers() -> None:
    steady = {(each.intended_s, each.kind, each.sku) for each in drawn("7/0")}

    assert {(each.intended_s, each.kind, each.sku) for each in drawn("7/0", shape="ramp")} < steady


def test_the_same_seed_has_the_same_customers_and_another_seed_others() -> None:
    assert drawn("7/0") == drawn("7/0")
    assert {each.intended_s for each in drawn("7/0")}.isdisjoint(each.intended_s for each in drawn("7/1"))


def test_the_asked_share_buys_each_under_a_key_of_its_own() -> None:
    arrivals = drawn("7/0", buying=0.3)

    keys = [each.key for each in arrivals if each.kind == "checkout"]
    assert len(keys) / len(arrivals) == pytest.approx(0.3, abs=0.025)
    assert len(set(keys)) == len(keys)
    assert {each.key for each in arrivals if each.kind == "browse"} == {""}
    assert {each.kind for each in drawn("7/0", buying=0)} == {"browse"}
    assert {each.kind for each in drawn("7/0", buying=1)} == {"checkout"}


def test_arrivals_are_numbered_and_drawn_one_by_one() -> None:
    """An hour at the highest rate would be millions."""
    first = list(islice(open_arrivals("7/0", 1000, "steady", 3600, 0.3, key="k"), 100))

    assert [each.seq for each in first] == list(range(100))


def test_nobody_comes_after_the_end() -> None:
    assert max(each.intended_s for each in drawn("7/0", duration_s=10)) < 10
