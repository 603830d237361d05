"""The retry budget: how many retries a number of calls and a time allow."""

import pytest

from resilience import BudgetSettings, RetryBudget
from resilience.retry_allowance import RetryAllowance


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
        purse.called(now=0)

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

    purse.called(now=1000)

    assert taken(purse, now=1000) == 3


def test_a_refused_retry_costs_nothing() -> None:
    purse = budget(retry_ratio=0.5, burst=1)
    taken(purse, now=0)
    purse.called(now=0)

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
    purse.called(now=0)

    purse.give_back()

    assert purse.tokens == 2


def test_in_a_full_outage_the_load_grows_by_the_ratio() -> None:
    """1000 calls that all fail and all want a retry: 1.1 times the load, plus the burst."""
    purse = budget(retry_ratio=0.1, burst=5)
    retries = 0
    for _ in range(1000):
        purse.called(now=0)
        retries += purse.take(now=0)

    assert retries == pytest.approx(105, abs=1)


def test_how_attempts_end_changes_nothing() -> None:
    """It is the calls that bring retries: an outage earns as many as a good hour."""
    purse: RetryAllowance = budget(burst=5)
    purse.take(now=0)

    purse.succeeded(now=0)
    purse.failed(now=0)

    assert purse.tokens == 4
