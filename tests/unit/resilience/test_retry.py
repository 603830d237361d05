"""Trying again: whether, when, and what it costs."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from resilience import (
    AttemptTimeout,
    BreakerOpen,
    BudgetChanged,
    BudgetSettings,
    Clock,
    Event,
    Refused,
    Retry,
    RetryBudget,
    RetryScheduled,
    RetrySettings,
    retry,
    system_rng,
)
from resilience.retry import RetrySchedule

THREE = RetrySettings(max_attempts=3, base_wait_s=0.1, max_wait_s=1.0)


class BusyError(ConnectionError):
    def __init__(self, retry_after_s: float | None) -> None:
        self.retry_after_s = retry_after_s


class TopOfTheRange(random.Random):
    """Draws the longest wait, which makes waits exact."""

    def uniform(self, a: float, b: float) -> float:
        return b


def longest(**changes: Any) -> RetrySchedule:
    settings = {"max_attempts": 9, "base_wait_s": 0.1, "max_wait_s": 1.0, **changes}
    return RetrySchedule(RetrySettings(**settings), rng=TopOfTheRange())


class TestSchedule:
    def test_the_longest_wait_doubles_up_to_the_maximum(self) -> None:
        schedule = longest()

        waits = [schedule.delay_s(attempt, 0.0, OSError()) for attempt in range(1, 7)]

        assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])

    @hypothesis_settings(deadline=None)
    @given(st.integers(1, 8), st.integers(0, 2**32))
    def test_a_wait_is_drawn_from_nought_to_the_longest(self, attempt: int, seed: int) -> None:
        settings = RetrySettings(max_attempts=9, base_wait_s=0.1, max_wait_s=1.0)

        wait = RetrySchedule(settings, rng=system_rng(seed)).delay_s(attempt, 0.0, OSError())

        assert wait is not None
        assert 0 <= wait <= min(1.0, 0.1 * 2 ** (attempt - 1))

    def test_waits_fill_the_whole_range(self, rng: random.Random) -> None:
        """Full jitter: the mean is half the longest wait. Equal jitter would give three quarters."""
        schedule = RetrySchedule(THREE, rng=rng)

        waits = [schedule.delay_s(1, 0.0, OSError()) or 0.0 for _ in range(2000)]

        assert sum(waits) / len(waits) == pytest.approx(0.05, abs=0.003)
        assert min(waits) < 0.005
        assert max(waits) > 0.095

    def test_it_ends_with_the_last_attempt(self) -> None:
        schedule = longest(max_attempts=3)

        assert schedule.delay_s(2, 0.0, OSError()) is not None
        assert schedule.delay_s(3, 0.0, OSError()) is None

    def test_no_attempt_starts_later_than_the_time_for_it(self) -> None:
        schedule = longest(start_within_s=0.5)

        assert schedule.delay_s(1, 0.39, OSError()) == pytest.approx(0.1)
        assert schedule.delay_s(1, 0.4, OSError()) is None
        assert schedule.delay_s(1, 0.6, OSError()) is None

    def test_what_the_error_asks_for_is_waited_out_with_jitter_on_top(self) -> None:
        assert longest().delay_s(1, 0.0, BusyError(0.5)) == pytest.approx(0.6)

    def test_with_jitter_it_still_waits_no_longer_than_the_maximum(self) -> None:
        assert longest().delay_s(3, 0.0, BusyError(0.9)) == 1.0

    def test_an_error_that_asks_for_more_than_the_maximum_is_not_retried(self) -> None:
        assert longest().delay_s(1, 0.0, BusyError(1.0)) == 1.0
        assert longest().delay_s(1, 0.0, BusyError(1.01)) is None

    def test_an_error_that_asks_for_nothing_gets_the_usual_wait(self) -> None:
        assert longest().delay_s(1, 0.0, BusyError(None)) == pytest.approx(0.1)


@pytest.fixture
def make(clock: Clock, rng: random.Random, events: list[Event]) -> Any:
    def make(settings: RetrySettings = THREE, *, budget: RetryBudget | None = None, **changes: Any) -> Retry:
        changes = {"on": lambda error: isinstance(error, ConnectionError), "rng": rng, **changes}
        return Retry("payments_to_bank", settings, budget=budget, clock=clock, listener=events.append, **changes)

    return make


class TestRetry:
    async def test_a_failure_is_tried_again_until_it_answers(self, make: Any, dependency: Any) -> None:
        bank = dependency(ConnectionError(), ConnectionError())

        assert await make().call(bank, idempotent=True) == "answer"
        assert bank.calls == 3

    async def test_the_last_error_is_let_through(self, make: Any, dependency: Any) -> None:
        errors = [ConnectionError(str(number)) for number in range(3)]

        with pytest.raises(ConnectionError) as caught:
            await make().call(dependency(*errors), idempotent=True)

        assert caught.value is errors[-1]

    async def test_an_error_that_is_not_named_is_let_through(self, make: Any, dependency: Any) -> None:
        bank = dependency(LookupError())

        with pytest.raises(LookupError):
            await make().call(bank, idempotent=True)

        assert bank.calls == 1

    async def test_a_call_that_may_not_be_repeated_is_made_once(
        self, make: Any, dependency: Any, events: list[Event]
    ) -> None:
        bank = dependency(ConnectionError())

        with pytest.raises(ConnectionError):
            await make().call(bank, idempotent=False)

        assert bank.calls == 1
        assert events == []

    async def test_a_cancellation_is_never_retried(self, make: Any, dependency: Any) -> None:
        bank = dependency(asyncio.CancelledError())

        with pytest.raises(asyncio.CancelledError):
            await make(on=lambda _error: True).call(bank, idempotent=True)

        assert bank.calls == 1

    async def test_it_waits_between_attempts_on_its_clock(self, make: Any, dependency: Any, clock: Clock) -> None:
        await make(rng=TopOfTheRange()).call(dependency(ConnectionError(), ConnectionError()), idempotent=True)

        assert clock.now() == pytest.approx(0.1 + 0.2)

    async def test_the_time_of_an_attempt_counts_towards_the_time_to_start(
        self, make: Any, dependency: Any, clock: Clock
    ) -> None:
        """Quick failures are retried, an attempt that used the time up is not."""
        settings = RetrySettings(max_attempts=9, base_wait_s=0.01, max_wait_s=0.01, start_within_s=0.2)
        slow = dependency(*[ConnectionError()] * 9, seconds=0.5)
        quick = dependency(ConnectionError())

        with pytest.raises(ConnectionError):
            await make(settings).call(slow, idempotent=True)
        assert await make(settings).call(quick, idempotent=True) == "answer"

        assert (slow.calls, quick.calls) == (1, 2)

    async def test_it_tells_each_retry_before_it_waits(self, make: Any, dependency: Any, events: list[Event]) -> None:
        await make(rng=TopOfTheRange()).call(dependency(ConnectionResetError(), ConnectionError()), idempotent=True)

        assert events == [
            RetryScheduled("payments_to_bank", 2, 0.1, "ConnectionResetError"),
            RetryScheduled("payments_to_bank", 3, 0.2, "ConnectionError"),
        ]

    async def test_a_call_that_succeeds_at_once_never_touches_tenacity(
        self, make: Any, dependency: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        policy = make()
        monkeypatch.setattr(retry, "RetryCallState", None)
        policy._schedule._tenacity = None

        assert await policy.call(dependency(), idempotent=True) == "answer"

    async def test_a_refusal_named_as_worth_a_retry_is_waited_out(
        self, make: Any, dependency: Any, clock: Clock
    ) -> None:
        bank = dependency(BreakerOpen("payments_to_bank", retry_after_s=0.5))

        await make(on=lambda _error: True).call(bank, idempotent=True)

        assert clock.now() >= 0.5


class TestBudget:
    @pytest.fixture
    def purse(self) -> RetryBudget:
        return RetryBudget(BudgetSettings(retry_ratio=0.5, reserve_per_s=0.0, burst=1.0), now=0.0)

    async def test_a_retry_that_the_budget_refuses_lets_the_error_through(
        self, make: Any, dependency: Any, purse: RetryBudget, events: list[Event]
    ) -> None:
        bank = dependency(ConnectionError(), ConnectionError())

        with pytest.raises(ConnectionError):
            await make(budget=purse).call(bank, idempotent=True)

        assert bank.calls == 2
        assert events[-1] == Refused("payments_to_bank", "budget", None)

    async def test_every_call_pays_in_whether_it_may_be_repeated_or_not(
        self, make: Any, dependency: Any, purse: RetryBudget
    ) -> None:
        purse.take(now=0)
        policy = make(budget=purse)

        await policy.call(dependency(), idempotent=False)
        await policy.call(dependency(), idempotent=True)

        assert purse.tokens == 1.0

    async def test_an_error_that_is_not_retried_costs_nothing(
        self, make: Any, dependency: Any, purse: RetryBudget
    ) -> None:
        with pytest.raises(LookupError):
            await make(budget=purse).call(dependency(LookupError()), idempotent=True)

        assert purse.tokens == 1.0

    async def test_an_attempt_after_the_last_costs_nothing(self, make: Any, dependency: Any) -> None:
        purse = RetryBudget(BudgetSettings(retry_ratio=0.0, reserve_per_s=0.0, burst=5.0), now=0.0)

        with pytest.raises(ConnectionError):
            await make(budget=purse).call(dependency(*[ConnectionError()] * 3), idempotent=True)

        assert purse.tokens == 3.0

    async def test_one_budget_serves_every_call_of_a_dependency(
        self, make: Any, dependency: Any, purse: RetryBudget
    ) -> None:
        """1 token at the start and 0.5 a call: 100 failing calls get at most 51 retries, all together."""
        policy = make(budget=purse)
        banks = [dependency(*[ConnectionError()] * 3) for _ in range(100)]

        await asyncio.gather(*(policy.call(bank, idempotent=True) for bank in banks), return_exceptions=True)

        assert sum(bank.calls for bank in banks) <= 100 + 51

    async def test_it_tells_whole_tokens_only_when_they_change(
        self, make: Any, dependency: Any, purse: RetryBudget, events: list[Event]
    ) -> None:
        policy = make(budget=purse)
        await policy.call(dependency(), idempotent=True)
        await policy.call(dependency(ConnectionError()), idempotent=True)
        await policy.call(dependency(), idempotent=True)
        await policy.call(dependency(), idempotent=True)

        assert [event.tokens for event in events if isinstance(event, BudgetChanged)] == [1, 0, 1]

    async def test_a_wait_that_is_cancelled_gives_its_token_back(
        self, make: Any, dependency: Any, purse: RetryBudget, events: list[Event]
    ) -> None:
        task = asyncio.create_task(make(budget=purse).call(dependency(ConnectionError()), idempotent=True))
        await asyncio.sleep(0)
        assert purse.tokens == 0.0

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert purse.tokens == 1.0
        assert events[-1] == BudgetChanged("payments_to_bank", 1)

    async def test_a_wait_that_is_cancelled_without_a_budget_just_ends(self, make: Any, dependency: Any) -> None:
        bank = dependency(AttemptTimeout("payments_to_bank", timeout_s=1))
        task = asyncio.create_task(make(on=lambda _error: True).call(bank, idempotent=True))
        await asyncio.sleep(0)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert bank.calls == 1
