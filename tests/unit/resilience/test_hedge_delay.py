"""When a call is late, as numbers."""

import random
from typing import Any

import pytest

from resilience.budget import BudgetSettings
from resilience.errors import SettingsError
from resilience.hedge import HedgeDelay, HedgeSettings


def settings(**changes: Any) -> HedgeSettings:
    budget = BudgetSettings(retry_ratio=0.0, reserve_per_s=0.0, burst=1.0)
    return HedgeSettings(**{"quantile": 0.95, "min_delay_s": 0.01, "max_delay_s": 0.1, "budget": budget, **changes})


def test_the_delay_is_the_longest_until_enough_calls_were_answered() -> None:
    delay = HedgeDelay(settings())
    for _ in range(99):
        delay.answered(0.05)
        assert delay.delay_s == 0.1
    delay.answered(0.05)
    assert delay.delay_s == 0.05


@pytest.mark.parametrize(("duration_s", "delay_s"), [(0.001, 0.01), (0.02, 0.02), (3.0, 0.1)])
def test_the_delay_stays_within_its_bounds(duration_s: float, delay_s: float) -> None:
    delay = HedgeDelay(settings())
    for _ in range(100):
        delay.answered(duration_s)
    assert delay.delay_s == delay_s


def test_a_dependency_that_turns_slow_is_hedged_for_twenty_calls_and_no_more() -> None:
    """After that the new duration is the usual one: p95 of the last 400 calls moves with the 21st slow one."""
    delay = HedgeDelay(settings(max_delay_s=10.0))
    for _ in range(400):
        delay.answered(0.01)
    slow = 0
    while delay.delay_s < 1.0:
        slow += 1
        delay.answered(1.0)
    assert slow == 21


def run(quantile: float | None, rng: random.Random, calls: int = 30_000) -> list[float]:
    """Return p99, p99.9 (ms) and the share of second calls, after a warm-up, where 1.5 % of the calls are slow."""

    def duration() -> float:
        return rng.uniform(0.2, 1.0) if rng.random() < 0.015 else 0.01 * rng.lognormvariate(0.0, 0.3)

    delay = HedgeDelay(settings(quantile=quantile or 0.5, max_delay_s=2.0))
    took, second = [], 0
    for call in range(calls + 2000):
        first_s = duration()
        late = quantile is not None and first_s > delay.delay_s
        call_s = min(first_s, delay.delay_s + duration()) if late else first_s
        delay.answered(call_s)
        if call >= 2000:
            took.append(call_s * 1000)
            second += late
    took.sort()
    return [took[int(0.99 * calls)], took[int(0.999 * calls)], second / calls]


def test_a_quantile_below_the_slow_share_cuts_the_tail(rng: random.Random) -> None:
    assert run(None, rng)[:2] == pytest.approx([467, 949], rel=0.1)
    assert run(0.95, rng) == pytest.approx([26, 33, 0.05], rel=0.1)
    assert run(0.98, rng) == pytest.approx([30, 40, 0.02], rel=0.1)


def test_a_quantile_inside_the_slow_share_waits_for_the_slow_ones(rng: random.Random) -> None:
    assert run(0.99, rng)[0] > 2 * run(0.98, rng)[0]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("quantile", 0, "HedgeSettings.quantile must be more than 0, got 0"),
        ("quantile", 0.999, "HedgeSettings.quantile must be at most 0.99, got 0.999"),
        ("min_delay_s", 0, "HedgeSettings.min_delay_s must be more than 0, got 0"),
        ("max_delay_s", 0.009, "HedgeSettings.max_delay_s must be at least 0.01, got 0.009"),
    ],
)
def test_nonsense_is_refused(field: str, value: float, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings(**{field: value})


def test_the_bounds_themselves_are_allowed() -> None:
    assert settings(quantile=0.99, max_delay_s=0.01).max_delay_s == 0.01
