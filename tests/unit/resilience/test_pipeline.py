"""The pipeline: its order, what each policy sees of the others, and what is told of a call."""

import asyncio
import random
from typing import Any

import pytest

from resilience import (
    AttemptTimeout,
    BreakerOpen,
    BreakerSettings,
    BreakerState,
    BudgetSettings,
    Bulkhead,
    BulkheadFull,
    BulkheadSettings,
    CircuitBreaker,
    Clock,
    Event,
    Failures,
    Fallback,
    LinkSettings,
    Outcome,
    Pipeline,
    Retry,
    RetrySettings,
    SettingsError,
    Timeout,
    TimeoutSettings,
    build_pipeline,
    ignore,
)
from resilience.concurrency_limit import ConcurrencyLimit, GradientSettings
from resilience.deadline import Deadline, DeadlineSettings
from resilience.events import (
    BreakerChanged,
    BudgetChanged,
    BulkheadChanged,
    CallEnded,
    FallbackUsed,
    PipelineBuilt,
    RetryScheduled,
)
from resilience.hedge import Hedge, HedgeSettings
from resilience.pipeline import ORDER
from resilience.rate_limiter import RateLimiter, RateLimitSettings
from resilience.retry_throttle import RetryThrottle, RetryThrottleSettings
from resilience.throttle import Throttle, ThrottleSettings
from resilience.windows import TimeWindow

LINK = "orders_to_payments"
BREAKER = BreakerSettings(TimeWindow(window_s=10.0, min_calls=2, failure_rate=0.5), open_s=1.0, probes=1)
RETRY = RetrySettings(max_attempts=3, base_wait_s=0.1, max_wait_s=0.1)
BUDGET = BudgetSettings(retry_ratio=0.1, reserve_per_s=0.0, burst=5.0)
ONE_AT_A_TIME = BulkheadSettings(max_concurrent=1, max_waiting=0, max_wait_s=0.0)
EVERYTHING = LinkSettings(
    attempt_timeout_s=1.0, retry=RETRY, budget=BUDGET, breaker=BREAKER, bulkhead=ONE_AT_A_TIME, fallback=True
)


@pytest.fixture
def make(failures: Failures, clock: Clock, rng: random.Random, events: list[Event]) -> Any:
    def make(**settings: Any) -> Any:
        return build_pipeline(
            LINK,
            LinkSettings(**settings),
            failures=failures,
            refusals=failures,
            clock=clock,
            rng=rng,
            listener=events.append,
        )

    return make


async def second_best(_error: Exception) -> str:
    return "second best"


class TestOrder:
    async def test_a_dependency_that_hangs_opens_the_breaker(self, make: Any, dependency: Any) -> None:
        """Timeout inside breaker."""
        pipeline, payments = make(attempt_timeout_s=0.1, breaker=BREAKER), dependency(seconds=60)
        for _ in range(2):
            with pytest.raises(AttemptTimeout):
                await pipeline.call(payments, idempotent=False)

        with pytest.raises(BreakerOpen):
            await pipeline.call(payments, idempotent=False)

        assert payments.calls == 2

    async def test_each_attempt_has_the_whole_attempt_timeout(self, make: Any, dependency: Any, clock: Clock) -> None:
        """Timeout inside retry."""
        payments = dependency(seconds=60)

        with pytest.raises(AttemptTimeout):
            await make(attempt_timeout_s=1.0, retry=RETRY).call(payments, idempotent=True)

        assert payments.calls == 3
        assert 3.0 <= clock.now() <= 3.2

    async def test_a_retry_into_a_breaker_that_opened_meanwhile_is_refused_at_once(
        self, make: Any, dependency: Any
    ) -> None:
        """Breaker inside retry: it counts each attempt, and the third is not made."""
        pipeline = make(attempt_timeout_s=1.0, retry=RETRY, breaker=BREAKER)
        payments = dependency(*[ConnectionError()] * 3)

        with pytest.raises(BreakerOpen):
            await pipeline.call(payments, idempotent=True)

        assert payments.calls == 2

    async def test_a_call_keeps_its_slot_while_it_waits_to_try_again(
        self, make: Any, dependency: Any, clock: Clock
    ) -> None:
        """Retry inside bulkhead."""
        pipeline = make(retry=RetrySettings(max_attempts=2, base_wait_s=60, max_wait_s=60), bulkhead=ONE_AT_A_TIME)
        waiting = asyncio.create_task(pipeline.call(dependency(ConnectionError()), idempotent=True))
        await clock.sleep(0.001)

        with pytest.raises(BulkheadFull):
            await pipeline.call(dependency(), idempotent=True)

        assert await waiting == "answer"

    async def test_a_refusal_by_the_bulkhead_never_reaches_the_breaker(self, make: Any, dependency: Any) -> None:
        """Bulkhead outside breaker, and a refusal is no failure."""
        pipeline = make(attempt_timeout_s=9.0, breaker=BREAKER, bulkhead=ONE_AT_A_TIME)
        slow = asyncio.create_task(pipeline.call(dependency(seconds=1), idempotent=True))
        await asyncio.sleep(0.5)
        for _ in range(10):
            with pytest.raises(BulkheadFull):
                await pipeline.call(dependency(), idempotent=True)

        assert await slow == "answer"
        assert await pipeline.call(dependency(), idempotent=True) == "answer"

    async def test_the_fallback_answers_for_a_refusal_too(self, make: Any, dependency: Any) -> None:
        """Fallback outside all."""
        pipeline = make(bulkhead=ONE_AT_A_TIME, fallback=True)
        slow = asyncio.create_task(pipeline.call(dependency(seconds=1), idempotent=True))
        await asyncio.sleep(0.5)

        assert await pipeline.call(dependency(), idempotent=True, fallback=second_best) == "second best"
        await slow


class Odd:
    """No policy, though it has the shape of one."""

    async def call(self, operation: Any) -> Any:
        return await operation()


class TestOrderIsEnforced:
    @staticmethod
    def policies(clock: Clock, rng: random.Random, failures: Failures) -> dict[str, Any]:
        """Return one of each, in the right order."""
        hear: Any = {"clock": clock, "listener": ignore}
        return {
            "Fallback": Fallback(LINK, failures=failures, listener=ignore),
            "Deadline": Deadline(LINK, DeadlineSettings(1.0, 0.1), **hear),
            "RateLimiter": RateLimiter(LINK, RateLimitSettings(1.0, 1.0), **hear),
            "Bulkhead": Bulkhead(LINK, ONE_AT_A_TIME, **hear),
            "Retry": Retry(LINK, RETRY, on=lambda _: True, allowance=None, rng=rng, **hear),
            "Hedge": Hedge(LINK, HedgeSettings(0.9, 0.01, 0.5, BUDGET), failures=failures, **hear),
            "CircuitBreaker": CircuitBreaker(LINK, BREAKER, failures=failures, **hear),
            "Throttle": Throttle(LINK, ThrottleSettings(2.0, 1.0), refusals=failures, rng=rng, **hear),
            "Timeout": Timeout(LINK, TimeoutSettings(1.0), clock=clock),
        }

    def test_every_place_is_a_policy(self, clock: Clock, rng: random.Random, failures: Failures) -> None:
        """The order is of names: each must be the name of a class that is there."""
        right = self.policies(clock, rng, failures)
        limit = ConcurrencyLimit(
            LINK, GradientSettings(initial=1, min_limit=1, max_limit=2), failures=failures, clock=clock, listener=ignore
        )

        assert [type(policy).__name__ for policy in right.values()] == list(right)
        assert {*right, type(limit).__name__} == {name for names in ORDER for name in names}
        Pipeline(LINK, list(right.values()), failures=failures, clock=clock, listener=ignore)
        Pipeline(LINK, [right["Deadline"], limit, right["Retry"]], failures=failures, clock=clock, listener=ignore)

    def test_any_two_neighbours_turned_round_are_refused(
        self, clock: Clock, rng: random.Random, failures: Failures
    ) -> None:
        right = list(self.policies(clock, rng, failures).values())
        for place in range(len(right) - 1):
            inner, outer = right[place], right[place + 1]

            with pytest.raises(SettingsError) as caught:
                Pipeline(LINK, [outer, inner], failures=failures, clock=clock, listener=ignore)

            assert str(caught.value) == (
                f"Pipeline.policies has {type(outer).__name__} outside {type(inner).__name__}; the order, outermost "
                "first, is Fallback > Deadline > RateLimiter > Bulkhead or ConcurrencyLimit > Retry > Hedge > "
                "CircuitBreaker > Throttle > Timeout"
            )

    def test_two_in_one_place_are_refused(self, clock: Clock, rng: random.Random, failures: Failures) -> None:
        timeout = self.policies(clock, rng, failures)["Timeout"]

        with pytest.raises(SettingsError, match="has Timeout outside Timeout"):
            Pipeline(LINK, [timeout, timeout], failures=failures, clock=clock, listener=ignore)

    def test_what_is_no_policy_is_refused(self, clock: Clock, failures: Failures) -> None:
        with pytest.raises(SettingsError, match="Odd is none of Fallback > Deadline"):
            Pipeline(LINK, [Odd()], failures=failures, clock=clock, listener=ignore)

    def test_a_pipeline_of_settings_holds_its_policies_in_order(self, make: Any) -> None:
        pipeline = make(
            attempt_timeout_s=1.0,
            deadline=DeadlineSettings(1.0, 0.1),
            rate_limit=RateLimitSettings(1.0, 1.0),
            concurrency_limit=GradientSettings(initial=1, min_limit=1, max_limit=2),
            retry=RETRY,
            retry_throttle=RetryThrottleSettings(),
            hedge=HedgeSettings(0.9, 0.01, 0.5, BUDGET),
            breaker=BREAKER,
            throttle=ThrottleSettings(2.0, 1.0),
            fallback=True,
        )

        assert [type(policy).__name__ for policy in pipeline.policies] == [
            "Fallback", "Deadline", "RateLimiter", "ConcurrencyLimit", "Retry", "Hedge", "CircuitBreaker", "Throttle",
            "Timeout",
        ]  # fmt: skip
        assert isinstance(pipeline.policies[4]._allowance, RetryThrottle)

    async def test_every_policy_at_once_lets_a_call_through(self, make: Any, dependency: Any, clock: Clock) -> None:
        pipeline = make(
            attempt_timeout_s=1.0,
            deadline=DeadlineSettings(1.0, 0.1),
            rate_limit=RateLimitSettings(1.0, 1.0),
            bulkhead=ONE_AT_A_TIME,
            retry=RETRY,
            budget=BUDGET,
            hedge=HedgeSettings(0.9, 0.01, 0.5, BUDGET),
            breaker=BREAKER,
            throttle=ThrottleSettings(2.0, 1.0),
            fallback=True,
        )

        assert await pipeline.call(dependency(), idempotent=True, fallback=second_best) == "answer"
        assert await pipeline.call(dependency(), idempotent=True, fallback=second_best) == "second best"
        assert await pipeline.call(dependency(), idempotent=False, fallback=second_best) == "second best"


class TestCall:
    async def test_a_call_that_may_not_be_repeated_is_made_once(self, make: Any, dependency: Any) -> None:
        payments = dependency(ConnectionError())

        with pytest.raises(ConnectionError):
            await make(retry=RETRY).call(payments, idempotent=False)

        assert payments.calls == 1

    async def test_an_error_that_does_not_count_is_not_retried(self, make: Any, dependency: Any) -> None:
        payments = dependency(LookupError())

        with pytest.raises(LookupError):
            await make(retry=RETRY).call(payments, idempotent=True)

        assert payments.calls == 1

    async def test_an_attempt_that_took_too_long_is_retried(self, make: Any, dependency: Any) -> None:
        """An AttemptTimeout counts although `failures` does not name it."""
        payments = dependency(AttemptTimeout(LINK, timeout_s=1))

        assert await make(retry=RETRY).call(payments, idempotent=True) == "answer"

    async def test_the_budget_bounds_the_retries_of_all_calls(self, make: Any, dependency: Any) -> None:
        """100 calls, 3 attempts each: 300 without a budget, 100 + 5 + 10 with it."""
        payments = dependency(*[ConnectionError()] * 1000)
        pipeline = make(retry=RETRY, budget=BUDGET)

        for _ in range(100):
            with pytest.raises(ConnectionError):
                await pipeline.call(payments, idempotent=True)

        assert payments.calls == pytest.approx(115, abs=1)

    async def test_without_a_fallback_of_the_callers_the_error_is_let_through(self, make: Any, dependency: Any) -> None:
        with pytest.raises(ConnectionError):
            await make(fallback=True).call(dependency(ConnectionError()), idempotent=True)

    async def test_a_link_whose_settings_enable_none_ignores_the_fallback(self, make: Any, dependency: Any) -> None:
        with pytest.raises(ConnectionError):
            await make().call(dependency(ConnectionError()), idempotent=True, fallback=second_best)

    async def test_a_link_without_policies_adds_nothing(self, make: Any, dependency: Any, clock: Clock) -> None:
        payments = dependency(ConnectionError(), seconds=3600)
        pipeline = make()

        with pytest.raises(ConnectionError):
            await pipeline.call(payments, idempotent=True)

        assert (pipeline.link, payments.calls, clock.now()) == (LINK, 1, 3600)


class TestEvents:
    def test_building_tells_the_policies_outermost_first(self, make: Any, events: list[Event]) -> None:
        make(**{name: getattr(EVERYTHING, name) for name in EVERYTHING.__slots__})

        assert events == [
            PipelineBuilt(LINK, ("fallback", "bulkhead", "retry", "budget", "breaker", "timeout")),
            BudgetChanged(LINK, 5),
        ]

    @pytest.mark.parametrize(
        ("error", "outcome"),
        [
            (None, Outcome.SUCCESS),
            (LookupError(), Outcome.SUCCESS),
            (ConnectionError(), Outcome.FAILURE),
            (BreakerOpen(LINK, retry_after_s=1), Outcome.REJECTED),
            (asyncio.CancelledError(), Outcome.ABANDONED),
        ],
    )
    async def test_each_call_ends_in_one_of_four_ways(
        self, make: Any, dependency: Any, events: list[Event], error: BaseException | None, outcome: Outcome
    ) -> None:
        await asyncio.gather(make().call(dependency(error), idempotent=True), return_exceptions=True)

        assert events == [PipelineBuilt(LINK, ()), CallEnded(LINK, outcome, 0.0)]

    async def test_a_call_answered_by_the_fallback_still_failed(
        self, make: Any, dependency: Any, events: list[Event]
    ) -> None:
        await make(fallback=True).call(dependency(ConnectionError()), idempotent=True, fallback=second_best)

        assert events[1:] == [CallEnded(LINK, Outcome.FAILURE, 0.0), FallbackUsed(LINK, "ConnectionError")]

    async def test_a_call_tells_how_long_it_took_whatever_its_attempts(
        self, make: Any, dependency: Any, events: list[Event]
    ) -> None:
        await make(retry=RETRY).call(dependency(ConnectionError(), seconds=2.0), idempotent=True)

        (ended,) = [event for event in events if isinstance(event, CallEnded)]
        waited = sum(event.delay_s for event in events if isinstance(event, RetryScheduled))
        assert ended.duration_s == pytest.approx(4.0 + waited)

    async def test_a_call_with_retries_ends_once(self, make: Any, dependency: Any, events: list[Event]) -> None:
        await make(retry=RETRY).call(dependency(ConnectionError(), ConnectionError()), idempotent=True)

        assert [type(event) for event in events] == [PipelineBuilt, RetryScheduled, RetryScheduled, CallEnded]

    async def test_the_whole_story_of_a_bad_minute(
        self, make: Any, dependency: Any, events: list[Event], clock: Clock
    ) -> None:
        pipeline = make(**{name: getattr(EVERYTHING, name) for name in EVERYTHING.__slots__})
        payments = dependency(ConnectionError(), ConnectionError())
        assert await pipeline.call(payments, idempotent=True, fallback=second_best) == "second best"
        took_s = clock.now()
        await clock.sleep(1.0)
        assert await pipeline.call(payments, idempotent=True, fallback=second_best) == "answer"

        told = [event for event in events if isinstance(event, BreakerChanged | CallEnded | FallbackUsed)]
        closed, half_open, opened = BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN
        assert told == [
            BreakerChanged(LINK, closed, opened),
            CallEnded(LINK, Outcome.REJECTED, took_s),
            FallbackUsed(LINK, "BreakerOpen"),
            BreakerChanged(LINK, opened, half_open),
            BreakerChanged(LINK, half_open, closed),
            CallEnded(LINK, Outcome.SUCCESS, 0.0),
        ]
        assert events[-2:] == [BulkheadChanged(LINK, 0, 0), CallEnded(LINK, Outcome.SUCCESS, 0.0)]
