"""Who refreshes early: the size of the stampede, by simulation beside the formula."""

import math
import random

import pytest

from resilience.xfetch import refresh_now


class Lot(random.Random):
    """Draws always the same number."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number

    def random(self) -> float:
        return self.number


def test_from_expiry_on_everybody_refreshes() -> None:
    """Even whose lot is the latest there is."""
    assert refresh_now(10.0, 10.0, 1.0, 1.0, Lot(0.0))
    assert not refresh_now(9.999, 10.0, 1.0, 1.0, Lot(0.0))


def test_the_lowest_and_the_highest_lot_are_numbers() -> None:
    """random() may be 0, never 1; neither leads to a logarithm of 0."""
    assert not refresh_now(0.0, 100.0, 1.0, 1.0, Lot(0.0))
    assert refresh_now(0.0, 36.7, 1.0, 1.0, Lot(1 - 2**-53))
    assert not refresh_now(0.0, 36.8, 1.0, 1.0, Lot(1 - 2**-53))


@pytest.mark.parametrize(("cost_s", "beta"), [(1.0, 1.0), (2.0, 1.0), (1.0, 2.0), (0.5, 4.0)])
def test_how_early_is_the_cost_times_beta_times_a_draw(cost_s: float, beta: float) -> None:
    lot = Lot(1 - math.exp(-3.0))
    early_s = 3.0 * cost_s * beta
    assert refresh_now(100.0, 100.0 + early_s - 0.001, cost_s, beta, lot)
    assert not refresh_now(100.0, 100.0 + early_s + 0.001, cost_s, beta, lot)


def test_what_costs_nothing_is_never_refreshed_early() -> None:
    assert not refresh_now(9.999, 10.0, 0.0, 1.0, Lot(0.999))


def stampede(rate: float, cost_s: float, beta: float, rng: random.Random) -> tuple[int, float]:
    """Return how many readers of one expiry (at 0 s) recompute, and how early the first of them was.

    Readers come at random; a recomputation takes `cost_s`, and whoever comes after its end reads a new value.
    """
    # Five mean draws before the usual first one, less than one expiry in a hundred has been refreshed.
    now = -cost_s * beta * (math.log(max(rate * cost_s * beta, 1.0)) + 5)
    first: float | None = None
    recomputed = 0
    while first is None or now < first + cost_s:
        if refresh_now(now, 0.0, cost_s, beta, rng):
            first = now if first is None else first
            recomputed += 1
        now += rng.expovariate(rate)
    return recomputed, -first


@pytest.mark.parametrize("rate", [10.0, 60.0])
@pytest.mark.parametrize(("beta", "expected"), [(1.0, 2.72), (2.0, 1.65)])
def test_the_stampede_is_e_to_the_one_over_beta_whatever_the_rate(
    rate: float, beta: float, expected: float, rng: random.Random
) -> None:
    expiries = [stampede(rate, 1.0, beta, rng) for _ in range(1000)]
    mean = sum(recomputed for recomputed, _ in expiries) / len(expiries)
    early_s = sum(early_s for _, early_s in expiries) / len(expiries)
    assert mean == pytest.approx(expected, rel=0.08)
    assert early_s == pytest.approx(beta * (math.log(rate * beta) + 0.577), rel=0.08)


@pytest.mark.parametrize(("rate", "expected"), [(10.0, 11.0), (100.0, 101.0), (1000.0, 1001.0)])
def test_without_it_everybody_recomputes_who_comes_during_the_first(
    rate: float, expected: float, rng: random.Random
) -> None:
    """1 + rate * cost: a lot that is never early is no lot."""
    sizes = []
    for _ in range(300):
        now, recomputed = 0.0, 0
        while now < 1.0:
            recomputed += refresh_now(now, 0.0, 0.0, 1.0, rng)
            now += rng.expovariate(rate)
        sizes.append(recomputed)
    assert sum(sizes) / len(sizes) == pytest.approx(expected, rel=0.05)
