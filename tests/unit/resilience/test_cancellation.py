"""A cancellation at every place where a driver waits: nothing is kept, nothing is counted, the caller is let go.

`sweep` makes the same call again and again, cancelled while it waits for the first time, the second, and so on, until
the call ends before it can be cancelled. So a new await in a driver is tested from the day it is written.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from resilience import (
    BreakerSettings,
    BreakerState,
    BudgetSettings,
    Bulkhead,
    BulkheadSettings,
    CircuitBreaker,
    Clock,
    Event,
    Failures,
    Fallback,
    LinkSettings,
    Outcome,
    Retry,
    RetryBudget,
    RetrySettings,
    Timeout,
    TimeoutSettings,
    build_pipeline,
    ignore,
)
from resilience.events import CallEnded
from resilience.windows import TimeWindow

RETRY = RetrySettings(max_attempts=2, base_wait_s=0.1, max_wait_s=0.1)
BUDGET = BudgetSettings(retry_ratio=0.0, reserve_per_s=0.0, burst=5.0)
BREAKER = BreakerSettings(TimeWindow(window_s=10.0, min_calls=1, failure_rate=1.0), open_s=1.0, probes=1)


async def two_waits() -> str:
    await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)
    return "answer"


class FailsOnce:
    """Waits twice an attempt; the first attempt fails."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        first = self.calls == 1
        await two_waits()
        if first:
            raise ConnectionError
        return "answer"


@pytest.fixture
def sweep(cancel_at: Any) -> Callable[[Callable[[int], Awaitable[Any]]], Awaitable[int]]:
    """Return how many places there were; `make(point)` builds everything anew and yields the call and its check."""

    async def sweep(make: Any) -> int:
        end: Any
        point = 1
        while True:
            call, check = await make(point)
            driven = cancel_at(call, point)
            task = asyncio.create_task(driven)
            [end] = await asyncio.gather(task, return_exceptions=True)
            if driven.waits < point:
                assert end == "answer"
                return point - 1
            assert isinstance(end, asyncio.CancelledError), f"place {point} swallowed the cancellation: {end!r}"
            await check(point)
            point += 1

    return sweep


async def test_timeout(sweep: Any, clock: Clock) -> None:
    """It stays a cancellation, and the timer is gone: nothing happens when its time comes."""

    async def make(_point: int) -> Any:
        async def check(_point: int) -> None:
            await clock.sleep(10)

        return Timeout("link", TimeoutSettings(1.0), clock=clock).call(two_waits), check

    assert await sweep(make) == 2


async def test_retry(sweep: Any, failures: Failures, clock: Clock, rng: random.Random) -> None:
    """A retry that was sent is paid for, one that was only planned is not."""

    async def make(_point: int) -> Any:
        budget = RetryBudget(BUDGET, now=clock.now())
        operation = FailsOnce()
        policy = Retry("link", RETRY, on=failures, allowance=budget, clock=clock, rng=rng, listener=ignore)

        async def check(_point: int) -> None:
            assert budget.tokens == 5.0 - (operation.calls - 1)

        return policy.call(operation, idempotent=True), check

    assert await sweep(make) == 2 + 1 + 2


async def test_breaker_closed(sweep: Any, failures: Failures, clock: Clock) -> None:
    """One failure would open it; a hundred cancellations would not."""

    async def make(_point: int) -> Any:
        breaker = CircuitBreaker("link", BREAKER, failures=failures, clock=clock, listener=ignore)

        async def check(_point: int) -> None:
            assert breaker.state is BreakerState.CLOSED

        return breaker.call(two_waits), check

    assert await sweep(make) == 2


async def test_breaker_half_open(sweep: Any, failures: Failures, clock: Clock, dependency: Any) -> None:
    """The only probe is cancelled: the next call is the probe."""

    async def make(_point: int) -> Any:
        breaker = CircuitBreaker("link", BREAKER, failures=failures, clock=clock, listener=ignore)
        with pytest.raises(ConnectionError):
            await breaker.call(dependency(ConnectionError()))
        await clock.sleep(BREAKER.open_s)

        async def check(_point: int) -> None:
            before = breaker.state
            assert await breaker.call(dependency()) == "answer"
            assert (before, breaker.state) == (BreakerState.HALF_OPEN, BreakerState.CLOSED)

        return breaker.call(two_waits), check

    assert await sweep(make) == 2


async def test_bulkhead(sweep: Any, dependency: Any, clock: Clock) -> None:
    """In the queue or in the slot: both are free again, and the one who waits behind is served."""

    async def make(_point: int) -> Any:
        bulkhead = Bulkhead("link", BulkheadSettings(1, 2, 1.0), clock=clock, listener=ignore)
        holder = asyncio.create_task(bulkhead.call(dependency(seconds=0.1)))
        await clock.sleep(0.01)

        async def check(_point: int) -> None:
            assert await bulkhead.call(dependency()) == "answer"
            await holder
            assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)

        return bulkhead.call(two_waits), check

    assert await sweep(make) == 1 + 2


async def test_fallback(sweep: Any, failures: Failures) -> None:
    """In the call or in the fallback."""

    async def make(_point: int) -> Any:
        async def fails() -> str:
            await two_waits()
            raise ConnectionError

        async def second(_error: Exception) -> str:
            return await two_waits()

        async def check(_point: int) -> None:
            pass

        return Fallback("link", failures=failures, listener=ignore).call(fails, second), check

    assert await sweep(make) == 2 + 2


async def test_the_whole_pipeline(
    sweep: Any, failures: Failures, clock: Clock, rng: random.Random, dependency: Any
) -> None:
    """In the queue, in an attempt, between attempts: abandoned, and everything is free again."""

    async def make(_point: int) -> Any:
        events: list[Event] = []
        settings = LinkSettings(
            attempt_timeout_s=1.0,
            retry=RETRY,
            budget=BUDGET,
            breaker=BreakerSettings(TimeWindow(window_s=10.0, min_calls=2, failure_rate=1.0), open_s=1.0, probes=1),
            bulkhead=BulkheadSettings(1, 1, 1.0),
            fallback=True,
        )
        pipeline: Any = build_pipeline(
            "link", settings, failures=failures, refusals=failures, clock=clock, rng=rng, listener=events.append
        )
        holder = asyncio.create_task(pipeline.call(dependency(seconds=0.1), idempotent=True))
        await clock.sleep(0.01)
        operation = FailsOnce()

        async def check(_point: int) -> None:
            assert Outcome.ABANDONED in {event.outcome for event in events if isinstance(event, CallEnded)}
            await holder
            _, bulkhead, retry, breaker, _ = pipeline.policies
            assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)
            assert breaker.state is BreakerState.CLOSED
            assert retry._allowance.tokens == 5.0 - max(operation.calls - 1, 0)
            assert await pipeline.call(dependency(), idempotent=True) == "answer"

        async def never(_error: Exception) -> str:
            raise AssertionError("a cancelled call has no fallback")

        return pipeline.call(operation, idempotent=True, fallback=never), check

    assert await sweep(make) == 1 + 2 + 1 + 2
