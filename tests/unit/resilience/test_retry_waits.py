"""The four shapes of the wait before the next attempt, and their bounds."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import AsyncRetrying, RetryCallState

from resilience import system_rng
from resilience.retry_waits import JITTERS, Jitter, wait_of

BASE_S, CAP_S = 0.1, 1.0


class Bound(random.Random):
    """Draws the lowest or the highest of each range, which makes waits exact."""

    def __init__(self, *, highest: bool) -> None:
        self._highest = highest
        super().__init__()

    def uniform(self, a: float, b: float) -> float:
        return b if self._highest else a


def waits(jitter: Jitter, rng: random.Random, attempts: int, *, base_s: float = BASE_S) -> list[float]:
    """Return the waits after attempts 1, 2, ..., each told the one before, as tenacity does it."""
    wait = wait_of(jitter, base_s=base_s, cap_s=CAP_S, rng=rng)
    state = RetryCallState(AsyncRetrying(), None, (), {})
    drawn = []
    for attempt in range(1, attempts + 1):
        state.attempt_number = attempt
        state.upcoming_sleep = wait(state)
        drawn.append(state.upcoming_sleep)
    return drawn


@pytest.mark.parametrize(
    ("jitter", "lowest", "highest"),
    [
        ("full", [0.0] * 6, [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]),
        ("equal", [0.05, 0.1, 0.2, 0.4, 0.5, 0.5], [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]),
        ("decorrelated", [0.1] * 6, [0.3, 0.9, 1.0, 1.0, 1.0, 1.0]),
        ("none", [0.1, 0.2, 0.4, 0.8, 1.0, 1.0], [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]),
    ],
)
def test_each_shape_has_its_bounds(jitter: Jitter, lowest: list[float], highest: list[float]) -> None:
    """Base 0.1 s, cap 1 s."""
    assert waits(jitter, Bound(highest=False), 6) == pytest.approx(lowest)
    assert waits(jitter, Bound(highest=True), 6) == pytest.approx(highest)


@given(st.sampled_from(JITTERS), st.integers(0, 2**32), st.floats(0.001, CAP_S))
def test_every_wait_lies_within_the_bounds_of_its_attempt(jitter: Jitter, seed: int, base_s: float) -> None:
    lowest = waits(jitter, Bound(highest=False), 12, base_s=base_s)
    drawn = waits(jitter, system_rng(seed), 12, base_s=base_s)
    highest = waits(jitter, Bound(highest=True), 12, base_s=base_s)

    assert all(low - 1e-9 <= wait <= high + 1e-9 for low, wait, high in zip(lowest, drawn, highest, strict=True))
    assert max(drawn) <= CAP_S


@given(st.integers(0, 2**32))
def test_a_decorrelated_wait_is_at_most_three_times_the_one_before(seed: int) -> None:
    drawn = waits("decorrelated", system_rng(seed), 30)

    assert all(BASE_S <= after <= 3 * before + 1e-9 for before, after in zip([BASE_S, *drawn], drawn, strict=False))
    assert max(drawn) <= CAP_S


@pytest.mark.parametrize(("jitter", "mean"), [("full", 0.05), ("equal", 0.075), ("decorrelated", 0.2), ("none", 0.1)])
def test_waits_fill_their_range_evenly(jitter: Jitter, mean: float, rng: random.Random) -> None:
    """The mean of the first wait: a half, three quarters, twice the base, the base."""
    drawn = [waits(jitter, rng, 1)[0] for _ in range(4000)]

    assert sum(drawn) / len(drawn) == pytest.approx(mean, rel=0.04)


@pytest.mark.parametrize("jitter", ["full", "equal", "decorrelated"])
def test_who_fails_together_does_not_come_back_together(jitter: Jitter, rng: random.Random) -> None:
    assert len({waits(jitter, rng, 1)[0] for _ in range(100)}) == 100


async def test_tenacitys_own_loop_takes_them(rng: random.Random) -> None:
    """They are tenacity's wait objects, for a service that has its decorator already."""
    slept: list[float] = []

    async def sleep(seconds: Any) -> None:
        slept.append(seconds)

    async def fails() -> None:
        raise ConnectionError

    wait = wait_of("decorrelated", base_s=BASE_S, cap_s=CAP_S, rng=Bound(highest=True))
    with pytest.raises(ConnectionError):
        await AsyncRetrying(wait=wait, stop=lambda state: state.attempt_number == 4, sleep=sleep, reraise=True)(fails)

    assert slept == pytest.approx([0.3, 0.9, 1.0])
