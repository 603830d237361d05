"""Refreshing early by lot makes an expiry cost a constant, where waiting for it costs the rate."""

import math

import pytest

from tests.simulation.stampede import early_s, observe


@pytest.mark.parametrize("rate_per_s", [20, 60])
def test_with_beta_1_an_expiry_costs_e_computations_whatever_the_rate(rate_per_s: float) -> None:
    assert observe(rate_per_s, beta=1.0, expiries=1000).computations == pytest.approx(math.e, rel=0.08)


def test_a_larger_beta_costs_fewer() -> None:
    """e^(1/2) = 1.65."""
    assert observe(20, beta=2.0, expiries=600).computations == pytest.approx(1.65, rel=0.08)


@pytest.mark.parametrize(("rate_per_s", "beta"), [(100, 1.0), (20, 2.0)])
def test_the_price_is_to_compute_earlier(rate_per_s: float, beta: float) -> None:
    """By beta * cost * (ln(rate * beta * cost) + 0.577): 5.18 s at 100/s and a cost of 1 s."""
    assert observe(rate_per_s, beta=beta, expiries=200).early_s == pytest.approx(early_s(rate_per_s, beta), rel=0.05)


@pytest.mark.parametrize(("rate_per_s", "known"), [(10, 11), (100, 101), (1000, 1001)])
def test_without_lots_everybody_who_comes_meanwhile_computes_it_too(rate_per_s: int, known: int) -> None:
    """1 + rate * cost."""
    assert observe(rate_per_s, beta=None, expiries=3000 // rate_per_s).computations == pytest.approx(known, rel=0.05)
