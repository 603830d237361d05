"""A second call tames the tail for a few percent more calls, where its delay lies below the slow calls' share."""

import pytest

from resilience.budget import BudgetSettings
from tests.simulation.hedging import fixed, learnt, slow_requests, tail, true_quantile_s

CALLS = 60_000


def test_without_a_hedge_the_slow_share_is_the_tail() -> None:
    seen = tail(None, calls=CALLS)

    assert seen.p99_ms == pytest.approx(467, rel=0.05)
    assert seen.p999_ms == pytest.approx(949, rel=0.03)


@pytest.mark.parametrize(
    ("quantile", "p99_ms", "p999_ms", "extra"), [(0.5, 21, 26, 0.50), (0.95, 26, 33, 0.049), (0.98, 30, 38, 0.020)]
)
def test_a_hedge_below_the_slow_share_takes_the_tail_away(
    quantile: float, p99_ms: float, p999_ms: float, extra: float
) -> None:
    """The delay is the true quantile; 1.5 % of the calls are slow, so 0.98 is below their share and finds them."""
    seen = tail(fixed(true_quantile_s(quantile)), calls=CALLS)

    assert seen.p99_ms == pytest.approx(p99_ms, rel=0.04)
    assert seen.p999_ms == pytest.approx(p999_ms, rel=0.07)
    assert seen.extra == pytest.approx(extra, rel=0.06)


def test_a_hedge_at_the_99th_percentile_waits_for_the_slow_calls_themselves() -> None:
    seen = tail(fixed(true_quantile_s(0.99)), calls=CALLS)

    assert seen.p99_ms == pytest.approx(466, rel=0.02)
    assert seen.p999_ms == pytest.approx(476, rel=0.02)


@pytest.mark.parametrize(
    ("quantile", "p99_ms", "p999_ms", "extra"), [(0.5, 21, 26, 0.50), (0.95, 26, 33, 0.049), (0.98, 30, 40, 0.020)]
)
def test_a_learnt_delay_does_as_well(quantile: float, p99_ms: float, p999_ms: float, extra: float) -> None:
    """The 98th percentile of the last 1,000 calls moves a little, which the last thousandth feels."""
    seen = tail(learnt(quantile), calls=CALLS)

    assert seen.p99_ms == pytest.approx(p99_ms, rel=0.05)
    assert seen.p999_ms == pytest.approx(p999_ms, rel=0.12)
    assert seen.extra == pytest.approx(extra, rel=0.1)


def test_the_budget_bounds_the_second_calls_and_gives_the_tail_back() -> None:
    """Hedging at the median under a budget of 5 % spends it on calls that were about to end."""
    seen = tail(learnt(0.5, BudgetSettings(retry_ratio=0.05, reserve_per_s=0.0, burst=10.0)), calls=CALLS)

    assert seen.extra == pytest.approx(0.05, rel=0.01)
    assert seen.p99_ms > 300


def test_of_100_calls_at_once_63_percent_of_the_requests_meet_the_99th_percentile() -> None:
    """1 - (1 - p)^n."""
    assert slow_requests(100, slow_share=0.01) == pytest.approx(0.634, abs=0.01)
