"""The pipeline: its order, what each policy sees of the others, and what is told of a call."""

import asyncio
import random
from typing import Any

import pytest

from resilience import (
    AttemptTimeout,
    BreakerChanged,
    BreakerOpen,
    BreakerSettings,
    BreakerState,
    BudgetChanged,
    BudgetSettings,
    BulkheadChanged,
    BulkheadFull,
    BulkheadSettings,
    CallEnded,
    Clock,
    Event,
    Failures,
    FallbackUsed,
    LinkSettings,
    Outcome,
    PipelineBuilt,
    RetryScheduled,
    RetrySettings,
    build_pipeline,
)

LINK = "orders_to_payments"
BREAKER = BreakerSettings(window_s=10.0, min_calls=2, failure_rate=0.5, open_s=1.0, probes=1)
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
            LINK, LinkSettings(**settings), failures=failures, clock=clock, rng=rng, listener=events.append
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

        assert events == [PipelineBuilt(LINK, ()), CallEnded(LINK, outcome)]

    async def test_a_call_answered_by_the_fallback_still_failed(
        self, make: Any, dependency: Any, events: list[Event]
    ) -> None:
        await make(fallback=True).call(dependency(ConnectionError()), idempotent=True, fallback=second_best)

        assert events[1:] == [CallEnded(LINK, Outcome.FAILURE), FallbackUsed(LINK, "ConnectionError")]

    async def test_a_call_with_retries_ends_once(self, make: Any, dependency: Any, events: list[Event]) -> None:
        await make(retry=RETRY).call(dependency(ConnectionError(), ConnectionError()), idempotent=True)

        assert [type(event) for event in events] == [PipelineBuilt, RetryScheduled, RetryScheduled, CallEnded]

    async def test_the_whole_story_of_a_bad_minute(
        self, make: Any, dependency: Any, events: list[Event], clock: Clock
    ) -> None:
        pipeline = make(**{name: getattr(EVERYTHING, name) for name in EVERYTHING.__slots__})
        payments = dependency(ConnectionError(), ConnectionError())
        assert await pipeline.call(payments, idempotent=True, fallback=second_best) == "second best"
        await clock.sleep(1.0)
        assert await pipeline.call(payments, idempotent=True, fallback=second_best) == "answer"

        told = [event for event in events if isinstance(event, BreakerChanged | CallEnded | FallbackUsed)]
        closed, half_open, opened = BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN
        assert told == [
            BreakerChanged(LINK, closed, opened),
            CallEnded(LINK, Outcome.REJECTED),
            FallbackUsed(LINK, "BreakerOpen"),
            BreakerChanged(LINK, opened, half_open),
            BreakerChanged(LINK, half_open, closed),
            CallEnded(LINK, Outcome.SUCCESS),
        ]
        assert events[-2:] == [BulkheadChanged(LINK, 0, 0), CallEnded(LINK, Outcome.SUCCESS)]
