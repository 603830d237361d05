"""The driver of the circuit breaker: what reaches the dependency, what comes back, what is told."""

import asyncio
import traceback
from typing import Any

import pytest

from resilience import (
    BreakerChanged,
    BreakerOpen,
    BreakerSettings,
    BreakerState,
    CircuitBreaker,
    Clock,
    Event,
    Failures,
    Refused,
)

SETTINGS = BreakerSettings(window_s=10.0, min_calls=3, failure_rate=0.5, open_s=2.0, probes=1)
LINK = "orders_to_payments"


@pytest.fixture
def breaker(failures: Failures, clock: Clock, events: list[Event]) -> CircuitBreaker:
    return CircuitBreaker(LINK, SETTINGS, failures=failures, clock=clock, listener=events.append)


async def fail(breaker: CircuitBreaker, dependency: Any, times: int, error: type[BaseException]) -> None:
    for _ in range(times):
        with pytest.raises(error):
            await breaker.call(dependency(error()))


async def test_an_answer_passes(breaker: CircuitBreaker, dependency: Any, events: list[Event]) -> None:
    assert await breaker.call(dependency()) == "answer"
    assert events == []


async def test_open_it_refuses_without_calling(breaker: CircuitBreaker, dependency: Any) -> None:
    await fail(breaker, dependency, 3, ConnectionError)
    await asyncio.sleep(0.5)
    payments = dependency()

    with pytest.raises(BreakerOpen) as caught:
        await breaker.call(payments)

    assert payments.calls == 0
    assert caught.value.link == LINK
    assert caught.value.retry_after_s == 1.5


async def test_an_error_of_the_callers_making_does_not_open_it(breaker: CircuitBreaker, dependency: Any) -> None:
    await fail(breaker, dependency, 100, LookupError)

    assert breaker.state is BreakerState.CLOSED


async def test_callers_who_hang_up_do_not_open_it(breaker: CircuitBreaker, dependency: Any) -> None:
    await fail(breaker, dependency, 100, asyncio.CancelledError)

    assert breaker.state is BreakerState.CLOSED


async def test_a_caller_who_hangs_up_does_not_forgive_failures(breaker: CircuitBreaker, dependency: Any) -> None:
    """Fail, fail, cancel, fail: it is open."""
    await fail(breaker, dependency, 2, ConnectionError)
    await fail(breaker, dependency, 1, asyncio.CancelledError)
    await fail(breaker, dependency, 1, ConnectionError)

    assert breaker.state is BreakerState.OPEN


async def test_of_a_hundred_calls_at_recovery_one_gets_through(
    breaker: CircuitBreaker, dependency: Any, clock: Clock
) -> None:
    await fail(breaker, dependency, 3, ConnectionError)
    await clock.sleep(2.0)
    payments = dependency(seconds=0.1)

    answers = await asyncio.gather(*(breaker.call(payments) for _ in range(100)), return_exceptions=True)

    assert payments.calls == 1
    assert answers.count("answer") == 1
    assert sum(isinstance(answer, BreakerOpen) for answer in answers) == 99
    assert breaker.state is BreakerState.CLOSED


async def test_a_cancelled_probe_gives_its_place_back(breaker: CircuitBreaker, dependency: Any, clock: Clock) -> None:
    await fail(breaker, dependency, 3, ConnectionError)
    await clock.sleep(2.0)
    probe = asyncio.create_task(breaker.call(dependency(seconds=60)))
    await clock.sleep(0.1)
    with pytest.raises(BreakerOpen):
        await breaker.call(dependency())

    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe

    before = breaker.state
    assert await breaker.call(dependency()) == "answer"
    assert (before, breaker.state) == (BreakerState.HALF_OPEN, BreakerState.CLOSED)


async def test_a_slow_success_from_before_does_not_close_it(
    breaker: CircuitBreaker, dependency: Any, clock: Clock
) -> None:
    slow = asyncio.create_task(breaker.call(dependency(seconds=1)))
    await clock.sleep(0.5)
    await fail(breaker, dependency, 3, ConnectionError)

    assert await slow == "answer"
    assert breaker.state is BreakerState.OPEN


async def test_it_tells_every_change_and_every_refusal(
    breaker: CircuitBreaker, dependency: Any, clock: Clock, events: list[Event]
) -> None:
    closed, half_open, opened = BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN
    await fail(breaker, dependency, 3, ConnectionError)
    with pytest.raises(BreakerOpen):
        await breaker.call(dependency())
    await clock.sleep(2.0)
    await fail(breaker, dependency, 1, ConnectionError)
    await clock.sleep(2.0)
    await breaker.call(dependency())

    assert events == [
        BreakerChanged(LINK, closed, opened),
        Refused(LINK, "breaker", 2.0),
        BreakerChanged(LINK, opened, half_open),
        BreakerChanged(LINK, half_open, opened),
        BreakerChanged(LINK, opened, half_open),
        BreakerChanged(LINK, half_open, closed),
    ]


async def test_the_probe_is_told_before_it_is_made(
    breaker: CircuitBreaker, dependency: Any, clock: Clock, events: list[Event]
) -> None:
    await fail(breaker, dependency, 3, ConnectionError)
    await clock.sleep(2.0)
    probe = asyncio.create_task(breaker.call(dependency(seconds=1)))
    await clock.sleep(0.5)

    assert events[-1] == BreakerChanged(LINK, BreakerState.OPEN, BreakerState.HALF_OPEN)
    await probe


async def test_a_defect_in_failures_takes_no_probe_place(dependency: Any, clock: Clock, events: list[Event]) -> None:
    broken = False

    def failures(_error: BaseException) -> bool:
        if broken:
            raise ZeroDivisionError
        return True

    breaker = CircuitBreaker(LINK, SETTINGS, failures=failures, clock=clock, listener=events.append)
    await fail(breaker, dependency, 3, ConnectionError)
    await clock.sleep(2.0)
    broken = True
    with pytest.raises(ZeroDivisionError):
        await breaker.call(dependency(ConnectionError()))

    assert await breaker.call(dependency()) == "answer"


async def test_refusing_does_not_grow(breaker: CircuitBreaker, dependency: Any) -> None:
    """Each refusal is an exception of its own: one raised over and over grows a traceback without end."""
    await fail(breaker, dependency, 3, ConnectionError)

    refusals = []
    for _ in range(3):
        with pytest.raises(BreakerOpen) as caught:
            await breaker.call(dependency())
        refusals.append(caught.value)

    frames = [sum(1 for _ in traceback.walk_tb(error.__traceback__)) for error in refusals]
    assert frames == [frames[0]] * 3
    assert len({id(error) for error in refusals}) == 3
