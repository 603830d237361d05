"""How often a breaker opens on chance alone, and how soon on an outage: the figures by which a window is chosen.

Exact where the order of the calls does not matter (each number of failures once, weighed by the binomial law), else
drawn from a seeded source of chance.
"""

import random
from math import comb

import pytest

from resilience.breaker_machine import BreakerMachine, BreakerSettings
from resilience.outcome import Outcome
from resilience.states import BreakerState
from resilience.windows import ConsecutiveFailures, CountWindow, TimeWindow, Window


def machine(window: Window) -> BreakerMachine:
    return BreakerMachine(BreakerSettings(window, open_s=1.0, probes=1), now=0.0)


def opens(breaker: BreakerMachine, *, failed: bool, now: float = 0.0) -> bool:
    """Make one call that ends at once; return whether the breaker is open then."""
    generation = breaker.admit(now)
    assert generation is not None
    breaker.record(Outcome.FAILURE if failed else Outcome.SUCCESS, now, generation, 0.0)
    return breaker.state.name is BreakerState.OPEN


def first_window_opens(calls: int, error_rate: float) -> float:
    """Return the probability that the first full window of `calls` opens the breaker."""
    probability = 0.0
    for failures in range(calls + 1):
        breaker = machine(CountWindow(calls, min_calls=calls, failure_rate=0.5))
        opened = [opens(breaker, failed=number < failures) for number in range(calls)]
        probability += (
            opened[-1] * comb(calls, failures) * error_rate**failures * (1 - error_rate) ** (calls - failures)
        )
    return probability


@pytest.mark.parametrize(("calls", "probability"), [(10, 3.3e-2), (20, 2.6e-3), (100, 2.1e-11)])
def test_one_window_at_20_percent_errors(calls: int, probability: float) -> None:
    assert first_window_opens(calls, 0.2) == pytest.approx(probability, rel=0.02)


def calls_until_open(window: Window, error_rate: float, *, repeats: int, calls_per_s: float = 1.0) -> float:
    """Return the mean number of calls until a breaker opens that watches a dependency with this share of errors."""
    rng = random.Random(2)  # noqa: S311 -- a seed makes the test repeatable
    calls = 0
    for _ in range(repeats):
        breaker = machine(window)
        calls += 1
        now = 0.0
        while not opens(breaker, failed=rng.random() < error_rate, now=now):
            calls += 1
            now += 1 / calls_per_s
    return calls / repeats


@pytest.mark.parametrize(
    ("error_rate", "calls", "repeats"), [(0.2, 3905, 60), (0.3, 586, 400), (0.5, 62, 2000), (0.7, 16.5, 2000)]
)
def test_five_failures_in_a_row_come_by_chance(error_rate: float, calls: float, repeats: int) -> None:
    """On average after (1 - p^5) / ((1 - p) p^5) calls."""
    assert (1 - error_rate**5) / ((1 - error_rate) * error_rate**5) == pytest.approx(calls, rel=0.01)
    assert calls_until_open(ConsecutiveFailures(5), error_rate, repeats=repeats) == pytest.approx(calls, rel=0.25)


def test_a_sliding_window_tries_its_luck_at_each_call() -> None:
    """3.3 % is for one window: watched for long, a window of 10 opens every 117 calls at 20 % errors."""
    window = CountWindow(10, min_calls=10, failure_rate=0.5)

    assert calls_until_open(window, 0.2, repeats=800) == pytest.approx(117, rel=0.1)


@pytest.mark.parametrize(("calls_per_s", "seconds", "repeats"), [(5.0, 25, 600), (10.0, 180, 100)])
def test_a_time_window_at_20_percent_errors(calls_per_s: float, seconds: float, repeats: int) -> None:
    """2 s, 10 calls, 50 %: how long until it opens by chance depends on how many calls the window holds."""
    window = TimeWindow(2.0, min_calls=10, failure_rate=0.5)
    calls = calls_until_open(window, 0.2, repeats=repeats, calls_per_s=calls_per_s)

    assert calls / calls_per_s == pytest.approx(seconds, rel=0.2)


def test_calls_that_it_takes_to_see_an_outage() -> None:
    """After a long health, every call fails: 5 in a row; 50 of a window of 100."""
    needed = {}
    for window in (ConsecutiveFailures(5), CountWindow(100, min_calls=100, failure_rate=0.5)):
        breaker = machine(window)
        for _ in range(200):
            assert not opens(breaker, failed=False)
        needed[type(window)] = next(number for number in range(1, 101) if opens(breaker, failed=True))

    assert needed == {ConsecutiveFailures: 5, CountWindow: 50}


@pytest.mark.parametrize(("window_s", "seconds"), [(10.0, 5.0), (2.0, 1.0)])
def test_seconds_that_it_takes_to_see_an_outage(window_s: float, seconds: float) -> None:
    """Half of the window, to a tenth of it."""
    breaker = machine(TimeWindow(window_s, min_calls=10, failure_rate=0.5))
    for number in range(4000):
        opens(breaker, failed=False, now=number / 100)

    opened = next(number for number in range(4000, 6000) if opens(breaker, failed=True, now=number / 100))

    assert (opened - 4000) / 100 == pytest.approx(seconds, abs=window_s / 10)
