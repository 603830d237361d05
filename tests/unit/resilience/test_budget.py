"""The retry budget: how many retries a number of calls and a time allow."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience import BudgetSettings, RetryBudget


def budget(*, retry_ratio: float = 0.1, reserve_per_s: float = 0.0, burst: float = 5.0) -> RetryBudget:
    return RetryBudget(BudgetSettings(retry_ratio, reserve_per_s, burst), now=0.0)


def taken(purse: RetryBudget, now: float, tries: int = 100) -> int:
    return sum(purse.take(now) for _ in range(tries))


def test_it_starts_full() -> None:
    assert taken(budget(burst=5), now=0) == 5


def test_calls_bring_a_share_of_a_retry_each() -> None:
    purse = budget(retry_ratio=0.25, burst=5)
    taken(purse, now=0)

    for _ in range(11):
        purse.deposit(now=0)

    assert taken(purse, now=0) == 2
    assert purse.tokens == pytest.approx(0.75)


def test_seconds_bring_the_reserve() -> None:
    purse = budget(reserve_per_s=2, burst=5)
    taken(purse, now=0)

    assert taken(purse, now=1.25) == 2
    assert purse.tokens == pytest.approx(0.5)


def test_a_second_is_paid_once() -> None:
    purse = budget(reserve_per_s=1, burst=5)
    taken(purse, now=0)

    assert (taken(purse, now=1), taken(purse, now=1), taken(purse, now=2)) == (1, 0, 1)


def test_it_keeps_no_more_than_the_burst() -> None:
    purse = budget(reserve_per_s=1, burst=3)

    purse.deposit(now=1000)

    assert taken(purse, now=1000) == 3


def test_a_refused_retry_costs_nothing() -> None:
    purse = budget(retry_ratio=0.5, burst=1)
    taken(purse, now=0)
    purse.deposit(now=0)

    assert not purse.take(now=0)
    assert purse.tokens == 0.5


def test_exactly_one_token_is_enough() -> None:
    purse = budget(burst=1)

    assert purse.take(now=0)
    assert purse.tokens == 0


def test_a_retry_never_sent_is_given_back() -> None:
    purse = budget(burst=2)
    purse.take(now=0)

    purse.give_back()

    assert purse.tokens == 2


def test_giving_back_never_goes_above_the_burst() -> None:
    purse = budget(retry_ratio=1, burst=2)
    purse.take(now=0)
    purse.deposit(now=0)

    purse.give_back()

    assert purse.tokens == 2


def test_in_a_full_outage_the_load_grows_by_the_ratio() -> None:
    """1000 calls that all fail and all want a retry: 1.1 times the load, plus the burst."""
    purse = budget(retry_ratio=0.1, burst=5)
    retries = 0
    for _ in range(1000):
        purse.deposit(now=0)
        retries += purse.take(now=0)

    assert retries == pytest.approx(105, abs=1)


@settings(deadline=None)
@given(
    st.floats(0, 1),
    st.floats(0, 10),
    st.floats(1, 20),
    st.lists(st.tuples(st.sampled_from(["call", "retry", "give back"]), st.floats(0, 5)), max_size=200),
)
def test_tokens_stay_within_bounds_and_retries_within_the_budget(
    retry_ratio: float, reserve_per_s: float, burst: float, steps: list[tuple[str, float]]
) -> None:
    """Retries <= burst + retry_ratio * calls + reserve_per_s * seconds, at every instant."""
    purse = budget(retry_ratio=retry_ratio, reserve_per_s=reserve_per_s, burst=burst)
    now = calls = retries = 0.0
    for step, seconds in steps:
        now += seconds
        if step == "call":
            calls += 1
            purse.deposit(now)
        elif step == "retry":
            retries += purse.take(now)
        elif retries > 0:
            retries -= 1
            purse.give_back()
        assert 0 <= purse.tokens <= burst
        assert retries <= burst + retry_ratio * calls + reserve_per_s * now + 1e-6
