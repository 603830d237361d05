"""Trying again: whether, when, and what it costs."""

import asyncio
import random
from typing import Any

import pytest

from resilience import (
    AttemptTimeout,
    BreakerOpen,
    BudgetSettings,
    Clock,
    Event,
    Retry,
    RetryBudget,
    RetrySettings,
    SettingsError,
    retry,
)
from resilience.deadline import deadline_at
from resilience.events import BudgetChanged, Refused, RetryScheduled
from resilience.retry import RetrySchedule
from resilience.retry_throttle import RetryThrottle, RetryThrottleSettings

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

        waits = [schedule.wait_s(attempt, 0.0, OSError()) for attempt in range(1, 7)]

        assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])

    def test_it_ends_with_the_last_attempt(self) -> None:
        schedule = longest(max_attempts=3)

        assert schedule.wait_s(2, 0.0, OSError()) is not None
        assert schedule.wait_s(3, 0.0, OSError()) is None

    def test_no_attempt_starts_later_than_the_time_for_it(self) -> None:
        schedule = longest(start_within_s=0.5)

        assert schedule.wait_s(1, 0.39, OSError()) == pytest.approx(0.1)
        assert schedule.wait_s(1, 0.4, OSError()) is None
        assert schedule.wait_s(1, 0.6, OSError()) is None

    @pytest.mark.parametrize(("elapsed_s", "left_s", "late"), [(0.5, None, False), (0.51, None, True)])
    def test_after_the_wait_the_time_to_start_may_be_over(
        self, elapsed_s: float, left_s: float | None, late: bool
    ) -> None:
        assert longest(start_within_s=0.5).too_late(elapsed_s, left_s) is late
        assert longest().too_late(elapsed_s, left_s) is False

    @pytest.mark.parametrize(
        ("left_s", "margin_s", "late"),
        [
            (None, 0.5, False),
            (0.01, 0.0, False),
            (0.0, 0.0, True),
            (-1.0, 0.0, True),
            (0.5, 0.5, True),
            (0.6, 0.5, False),
        ],
    )
    def test_an_attempt_needs_more_than_the_margin(self, left_s: float | None, margin_s: float, late: bool) -> None:
        assert longest(margin_s=margin_s).too_late(100.0, left_s) is late
        assert longest(margin_s=margin_s, start_within_s=1.0).too_late(1.0, left_s) is late

    def test_the_decorrelated_wait_grows_from_the_wait_before(self) -> None:
        schedule = longest(jitter="decorrelated", max_wait_s=5.0)

        assert schedule.wait_s(1, 0.0, OSError()) == pytest.approx(0.3)
        assert schedule.wait_s(2, 0.0, OSError(), before_s=0.5) == pytest.approx(1.5)

    def test_what_the_error_asks_for_is_waited_out_with_jitter_on_top(self) -> None:
        assert longest().wait_s(1, 0.0, BusyError(0.5)) == pytest.approx(0.6)

    def test_with_jitter_it_still_waits_no_longer_than_the_maximum(self) -> None:
        assert longest().wait_s(3, 0.0, BusyError(0.9)) == 1.0

    def test_an_error_that_asks_for_more_than_the_maximum_is_not_retried(self) -> None:
        assert longest().wait_s(1, 0.0, BusyError(1.0)) == 1.0
        assert longest().wait_s(1, 0.0, BusyError(1.01)) is None

    def test_an_error_that_asks_for_less_than_nothing_gets_the_usual_wait(self) -> None:
        assert longest().wait_s(1, 0.0, BusyError(-60.0)) == pytest.approx(0.1)

    def test_an_error_that_asks_for_nothing_gets_the_usual_wait(self) -> None:
        assert longest().wait_s(1, 0.0, BusyError(None)) == pytest.approx(0.1)


@pytest.fixture
def make(clock: Clock, rng: random.Random, events: list[Event]) -> Any:
    def make(settings: RetrySettings = THREE, **changes: Any) -> Retry:
        changes = {
            "on": lambda error: isinstance(error, ConnectionError),
            "allowance": None,
            "clock": clock,
            "rng": rng,
            **changes,
        }
        return Retry("payments_to_bank", settings, listener=events.append, **changes)

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

    async def test_a_call_that_may_not_be_repeated_is_repeated_where_the_settings_say_so(
        self, make: Any, dependency: Any
    ) -> None:
        settings = RetrySettings(max_attempts=3, base_wait_s=0.1, max_wait_s=1.0, retry_unsafe=True)
        bank = dependency(ConnectionError())

        assert await make(settings).call(bank, idempotent=False) == "answer"
        assert bank.calls == 2

    async def test_the_decorrelated_wait_is_told_the_wait_before(
        self, make: Any, dependency: Any, events: list[Event]
    ) -> None:
        settings = RetrySettings(max_attempts=4, base_wait_s=0.1, max_wait_s=1.0, jitter="decorrelated")

        await make(settings, rng=TopOfTheRange()).call(dependency(*[ConnectionError()] * 3), idempotent=True)

        waits = [event.delay_s for event in events if isinstance(event, RetryScheduled)]
        assert waits == pytest.approx([0.3, 0.9, 1.0])

    @pytest.mark.parametrize("allowance", [None, RetryThrottle(RetryThrottleSettings())])
    async def test_an_error_that_stands_for_a_cancellation_is_not_retried_and_not_counted(
        self, make: Any, clock: Clock, allowance: RetryThrottle | None
    ) -> None:
        """Some clients answer a cancellation with an error of their own; an outer timeout must end the call still."""
        calls = 0

        async def breaks_on_cancel() -> None:
            nonlocal calls
            calls += 1
            try:
                await clock.sleep(60)
            except asyncio.CancelledError:
                raise ConnectionResetError from None

        with pytest.raises(ConnectionResetError):
            async with asyncio.timeout(0.5):
                await make(allowance=allowance).call(breaks_on_cancel, idempotent=True)

        assert (calls, clock.now()) == (1, 0.5)
        assert allowance is None or allowance.tokens == 10.0

    async def test_driven_by_hand_outside_any_task_it_retries_likewise(self, make: Any, dependency: Any) -> None:
        """There is no task that could be cancelled."""
        bank = dependency(ConnectionError())

        async def no_wait(_delay_s: float) -> None:
            pass

        class Instant:
            now = staticmethod(lambda: 0.0)
            sleep = staticmethod(no_wait)

        call = make(clock=Instant()).call(bank, idempotent=True)
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def drive() -> None:
            with pytest.raises(StopIteration) as caught:
                call.send(None)
            ended.set_result(caught.value.value)

        asyncio.get_running_loop().call_soon(drive)

        assert await ended == "answer"
        assert bank.calls == 2

    @pytest.mark.parametrize(
        ("failing", "lost", "attempts_a_call"), [(0.1, 0.001, 1.11), (0.5, 0.125, 1.75), (1.0, 1.0, 3.0)]
    )
    async def test_three_attempts_mend_chance_and_triple_an_outage(
        self, make: Any, rng: random.Random, failing: float, lost: float, attempts_a_call: float
    ) -> None:
        """Where a share p of the attempts fails, p**3 of the calls do, and a call is (1 - p**3) / (1 - p) attempts."""
        attempts = ended = 0

        async def chancy() -> None:
            nonlocal attempts
            attempts += 1
            if rng.random() < failing:
                raise ConnectionError

        policy = make()
        for _ in range(2000):
            try:
                await policy.call(chancy, idempotent=True)
            except ConnectionError:
                ended += 1

        assert ended / 2000 == pytest.approx(lost, abs=0.02)
        assert attempts / 2000 == pytest.approx(attempts_a_call, rel=0.02)


class TestDeadline:
    async def test_a_retry_that_the_deadline_leaves_time_for_is_made(self, make: Any, dependency: Any) -> None:
        bank = dependency(ConnectionError(), seconds=0.05)
        deadline_at.set(0.16)

        assert await make(rng=TopOfTheRange()).call(bank, idempotent=True) == "answer"
        assert bank.calls == 2

    @pytest.mark.parametrize(("at", "margin_s"), [(0.15, 0.0), (0.05, 0.0), (0.4, 0.25), (0.3, 0.25)])
    async def test_one_that_it_leaves_none_for_is_not_waited_for_and_costs_nothing(
        self, make: Any, dependency: Any, events: list[Event], at: float, margin_s: float
    ) -> None:
        """The attempt took 0.05 s, the wait would be 0.1 s: at least 0.15 s and the margin have to be left."""
        settings = RetrySettings(max_attempts=3, base_wait_s=0.1, max_wait_s=1.0, margin_s=margin_s)
        purse = RetryBudget(BudgetSettings(retry_ratio=0.0, reserve_per_s=0.0, burst=5.0), now=0.0)
        bank = dependency(ConnectionError(), seconds=0.05)
        deadline_at.set(at)

        with pytest.raises(ConnectionError):
            await make(settings, rng=TopOfTheRange(), allowance=purse).call(bank, idempotent=True)

        assert (bank.calls, asyncio.get_running_loop().time(), purse.tokens) == (1, 0.05, 5.0)
        assert events == [BudgetChanged("payments_to_bank", 5)]

    @pytest.mark.parametrize("limit", ["deadline", "start_within_s"])
    @pytest.mark.parametrize("paid", [True, False])
    async def test_a_wait_that_a_busy_loop_makes_too_long_is_followed_by_no_attempt(
        self, make: Any, dependency: Any, events: list[Event], limit: str, paid: bool
    ) -> None:
        class Busy:
            """Sleeps half a second too long."""

            now = staticmethod(lambda: asyncio.get_running_loop().time())
            sleep = staticmethod(lambda delay_s: asyncio.sleep(delay_s + 0.5))

        within_s = 0.3 if limit == "start_within_s" else None
        settings = RetrySettings(max_attempts=3, base_wait_s=0.1, max_wait_s=1.0, start_within_s=within_s)
        purse = RetryBudget(BudgetSettings(retry_ratio=0.0, reserve_per_s=0.0, burst=1.0), now=0.0) if paid else None
        error = ConnectionError()
        bank = dependency(error)
        if limit == "deadline":
            deadline_at.set(0.3)

        with pytest.raises(ConnectionError) as caught:
            await make(settings, clock=Busy(), allowance=purse).call(bank, idempotent=True)

        assert caught.value is error
        assert bank.calls == 1
        if purse is not None:
            assert purse.tokens == 1.0
            assert [event.tokens for event in events if isinstance(event, BudgetChanged)] == [1, 0, 1]


class TestBudget:
    @pytest.fixture
    def purse(self) -> RetryBudget:
        return RetryBudget(BudgetSettings(retry_ratio=0.5, reserve_per_s=0.0, burst=1.0), now=0.0)

    async def test_a_retry_that_the_budget_refuses_lets_the_error_through(
        self, make: Any, dependency: Any, purse: RetryBudget, events: list[Event]
    ) -> None:
        bank = dependency(ConnectionError(), ConnectionError())

        with pytest.raises(ConnectionError):
            await make(allowance=purse).call(bank, idempotent=True)

        assert bank.calls == 2
        assert events[-1] == Refused("payments_to_bank", "budget", None)

    async def test_every_call_pays_in_whether_it_may_be_repeated_or_not(
        self, make: Any, dependency: Any, purse: RetryBudget
    ) -> None:
        purse.take(now=0)
        policy = make(allowance=purse)

        await policy.call(dependency(), idempotent=False)
        await policy.call(dependency(), idempotent=True)

        assert purse.tokens == 1.0

    async def test_an_error_that_is_not_retried_costs_nothing(
        self, make: Any, dependency: Any, purse: RetryBudget
    ) -> None:
        with pytest.raises(LookupError):
            await make(allowance=purse).call(dependency(LookupError()), idempotent=True)

        assert purse.tokens == 1.0

    async def test_an_attempt_after_the_last_costs_nothing(self, make: Any, dependency: Any) -> None:
        purse = RetryBudget(BudgetSettings(retry_ratio=0.0, reserve_per_s=0.0, burst=5.0), now=0.0)

        with pytest.raises(ConnectionError):
            await make(allowance=purse).call(dependency(*[ConnectionError()] * 3), idempotent=True)

        assert purse.tokens == 3.0

    async def test_one_budget_serves_every_call_of_a_dependency(
        self, make: Any, dependency: Any, purse: RetryBudget
    ) -> None:
        """1 token at the start and 0.5 a call: 100 failing calls get at most 51 retries, all together."""
        policy = make(allowance=purse)
        banks = [dependency(*[ConnectionError()] * 3) for _ in range(100)]

        await asyncio.gather(*(policy.call(bank, idempotent=True) for bank in banks), return_exceptions=True)

        assert sum(bank.calls for bank in banks) <= 100 + 51

    async def test_it_tells_whole_tokens_only_when_they_change(
        self, make: Any, dependency: Any, purse: RetryBudget, events: list[Event]
    ) -> None:
        policy = make(allowance=purse)
        await policy.call(dependency(), idempotent=True)
        await policy.call(dependency(ConnectionError()), idempotent=True)
        await policy.call(dependency(), idempotent=True)
        await policy.call(dependency(), idempotent=True)

        assert [event.tokens for event in events if isinstance(event, BudgetChanged)] == [1, 0, 1]

    @pytest.mark.parametrize("burst", [0, 1])
    async def test_it_tells_its_tokens_from_the_start(self, make: Any, events: list[Event], burst: int) -> None:
        """A series that begins with the first retry would show an outage as its beginning."""
        throttle = RetryThrottle(RetryThrottleSettings(max_tokens=burst + 0.5))

        make(allowance=throttle)

        assert events == [BudgetChanged("payments_to_bank", burst)]

    async def test_what_a_failure_costs_is_told_where_no_retry_follows(
        self, make: Any, dependency: Any, events: list[Event]
    ) -> None:
        throttle = RetryThrottle(RetryThrottleSettings(max_tokens=3))

        with pytest.raises(ConnectionError):
            await make(allowance=throttle).call(dependency(ConnectionError()), idempotent=False)

        assert events == [BudgetChanged("payments_to_bank", 3), BudgetChanged("payments_to_bank", 2)]

    async def test_a_wait_that_is_cancelled_gives_its_token_back(
        self, make: Any, dependency: Any, purse: RetryBudget, events: list[Event]
    ) -> None:
        task = asyncio.create_task(make(allowance=purse).call(dependency(ConnectionError()), idempotent=True))
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


class TestThrottle:
    async def test_in_a_full_outage_five_failures_end_the_retries(
        self, make: Any, dependency: Any, events: list[Event]
    ) -> None:
        """With gRPC's 10 tokens the fifth failure is not retried, nor any after; a retry itself costs nothing."""
        throttle = RetryThrottle(RetryThrottleSettings(max_tokens=10, token_ratio=0.1))
        policy = make(RetrySettings(max_attempts=2, base_wait_s=0.1, max_wait_s=1.0), allowance=throttle)
        banks = [dependency(*[ConnectionError()] * 2) for _ in range(20)]

        for bank in banks:
            with pytest.raises(ConnectionError):
                await policy.call(bank, idempotent=True)

        assert [bank.calls for bank in banks] == [2, 2] + [1] * 18
        assert events.count(Refused("payments_to_bank", "budget", None)) == 18
        assert throttle.tokens == 0

    async def test_successes_bring_them_back(self, make: Any, dependency: Any) -> None:
        throttle = RetryThrottle(RetryThrottleSettings(max_tokens=2, token_ratio=0.5))
        policy = make(allowance=throttle)
        with pytest.raises(ConnectionError):
            await policy.call(dependency(*[ConnectionError()] * 2), idempotent=True)
        assert throttle.tokens == 1.0

        await policy.call(dependency(), idempotent=False)

        assert await policy.call(dependency(), idempotent=True) == "answer"
        assert throttle.tokens == 2.0

    async def test_a_failure_counts_whether_it_may_be_repeated_or_not(self, make: Any, dependency: Any) -> None:
        throttle = RetryThrottle(RetryThrottleSettings())

        with pytest.raises(ConnectionError):
            await make(allowance=throttle).call(dependency(ConnectionError()), idempotent=False)

        assert throttle.tokens == 9.0

    @pytest.mark.parametrize("error", [LookupError, asyncio.CancelledError])
    async def test_an_error_that_is_not_named_and_a_cancellation_count_as_nothing(
        self, make: Any, dependency: Any, error: type[BaseException]
    ) -> None:
        throttle = RetryThrottle(RetryThrottleSettings())
        throttle.failed(0.0)

        with pytest.raises(error):
            await make(allowance=throttle).call(dependency(error()), idempotent=True)

        assert throttle.tokens == 9.0


class Ledger:
    """An allowance that writes down what it is told, with the time."""

    tokens = 3.0

    def __init__(self) -> None:
        self.told: list[tuple[str, float]] = []

    def called(self, now: float) -> None:
        self.told.append(("called", now))

    def succeeded(self, now: float) -> None:
        self.told.append(("succeeded", now))

    def failed(self, now: float) -> None:
        self.told.append(("failed", now))

    def take(self, now: float) -> bool:
        self.told.append(("take", now))
        return True

    def give_back(self) -> None:
        raise AssertionError("nothing was cancelled")


async def test_the_allowance_is_told_a_call_once_and_each_attempt_when_it_ends(make: Any, dependency: Any) -> None:
    ledger = Ledger()
    bank = dependency(ConnectionError(), seconds=0.5)
    settings = RetrySettings(max_attempts=2, base_wait_s=0.25, max_wait_s=0.25, jitter="none")

    await make(settings, allowance=ledger).call(bank, idempotent=True)

    assert ledger.told == [("called", 0.0), ("failed", 0.5), ("take", 0.5), ("succeeded", 1.25)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"jitter": "some"}, "RetrySettings.jitter must be one of full, equal, decorrelated, none, got 'some'"),
        ({"max_wait_s": 0.05}, "RetrySettings.max_wait_s must be at least base_wait_s (0.1), got 0.05"),
        ({"margin_s": -1}, "RetrySettings.margin_s must be at least 0, got -1"),
    ],
)
def test_nonsense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        RetrySettings(**{"max_attempts": 2, "base_wait_s": 0.1, "max_wait_s": 1.0, **changes})

    assert str(caught.value) == message


def test_by_itself_it_draws_from_nought_and_repeats_only_what_may_be_repeated() -> None:
    assert (THREE.jitter, THREE.start_within_s, THREE.retry_unsafe, THREE.margin_s) == ("full", None, False, 0.0)
