"""The driver of the circuit breaker: what reaches the dependency, what comes back, what is told."""

import asyncio
import traceback
from typing import Any

import pytest

from resilience.breaker import CircuitBreaker
from resilience.breaker_machine import BreakerSettings
from resilience.clock import Clock
from resilience.errors import AttemptTimeout, BreakerOpen, RateLimited
from resilience.events import BreakerChanged, Event, Listener, Refused
from resilience.outcome import Failures
from resilience.states import BreakerState
from resilience.windows import ConsecutiveFailures, CountWindow, TimeWindow

SETTINGS = BreakerSettings(TimeWindow(10.0, min_calls=3, failure_rate=0.5), open_s=2.0, probes=1)
SLOW = BreakerSettings(CountWindow(10, 3, 1.0, slow_s=1.0, slow_rate=0.5), open_s=2.0, probes=1)
LINK = "orders_to_payments"


@pytest.fixture
def breaker(failures: Failures, clock: Clock, events: list[Event]) -> CircuitBreaker:
    return CircuitBreaker(LINK, SETTINGS, failures=failures, clock=clock, listener=events.append)


async def fail(breaker: CircuitBreaker, dependency: Any, times: int, error: type[BaseException]) -> None:
    for _ in range(times):
        with pytest.raises(error):
            await breaker.call(dependency(error()))


async def fail_with(breaker: CircuitBreaker, dependency: Any, error: Exception) -> None:
    with pytest.raises(type(error)):
        await breaker.call(dependency(error))


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
    """The defect is raised, the dependency's error behind it; about the dependency it says nothing."""
    broken = False

    def failures(_error: BaseException) -> bool:
        if broken:
            raise ZeroDivisionError
        return True

    breaker = CircuitBreaker(LINK, SETTINGS, failures=failures, clock=clock, listener=events.append)
    await fail(breaker, dependency, 3, ConnectionError)
    await clock.sleep(2.0)
    broken = True
    with pytest.raises(ZeroDivisionError) as caught:
        await breaker.call(dependency(ConnectionError()))
    assert isinstance(caught.value.__context__, ConnectionError)
    assert breaker.state is BreakerState.HALF_OPEN

    assert await breaker.call(dependency()) == "answer"


async def test_calls_that_take_too_long_open_it(
    failures: Failures, clock: Clock, events: list[Event], dependency: Any
) -> None:
    """A call of `slow_s` is slow, a shorter one is not; an answer that is slow is an answer all the same."""
    breaker = CircuitBreaker(LINK, SLOW, failures=failures, clock=clock, listener=events.append)
    for _ in range(5):
        await breaker.call(dependency(seconds=0.75))
    for _ in range(5):
        assert breaker.state is BreakerState.CLOSED
        assert await breaker.call(dependency(seconds=1.0)) == "answer"

    assert breaker.state is BreakerState.OPEN


async def test_a_probe_that_takes_too_long_opens_it_again(
    failures: Failures, clock: Clock, events: list[Event], dependency: Any
) -> None:
    breaker = CircuitBreaker(LINK, SLOW, failures=failures, clock=clock, listener=events.append)
    await fail(breaker, dependency, 3, ConnectionError)
    await clock.sleep(2.0)

    assert await breaker.call(dependency(seconds=1.0)) == "answer"

    assert breaker.state is BreakerState.OPEN


async def test_a_call_reads_the_clock_twice_and_a_refusal_once(
    failures: Failures, events: list[Event], dependency: Any
) -> None:
    class Counting:
        reads = 0

        def now(self) -> float:
            self.reads += 1
            return 0.0

        async def sleep(self, delay_s: float) -> None:
            raise AssertionError("a breaker never waits")

    clock = Counting()
    breaker = CircuitBreaker(LINK, SETTINGS, failures=failures, clock=clock, listener=events.append)
    clock.reads = 0
    await breaker.call(dependency())
    assert clock.reads == 2

    breaker.force_open()
    clock.reads = 0
    with pytest.raises(BreakerOpen):
        await breaker.call(dependency())
    assert clock.reads == 1


async def test_an_operator_forces_and_releases_it(
    breaker: CircuitBreaker, dependency: Any, clock: Clock, events: list[Event]
) -> None:
    closed, forced_open = BreakerState.CLOSED, BreakerState.FORCED_OPEN
    forced_closed = BreakerState.FORCED_CLOSED

    breaker.force_open()
    breaker.force_open()
    await clock.sleep(60)
    with pytest.raises(BreakerOpen) as caught:
        await breaker.call(dependency())
    assert caught.value.retry_after_s == 2.0

    breaker.force_closed()
    await fail(breaker, dependency, 100, ConnectionError)
    assert breaker.state is forced_closed

    breaker.release()
    breaker.release()
    assert await breaker.call(dependency()) == "answer"
    assert events == [
        BreakerChanged(LINK, closed, forced_open),
        Refused(LINK, "breaker", 2.0),
        BreakerChanged(LINK, forced_open, forced_closed),
        BreakerChanged(LINK, forced_closed, closed),
    ]


async def test_a_call_in_flight_when_it_is_forced_is_dropped(
    breaker: CircuitBreaker, dependency: Any, clock: Clock
) -> None:
    in_flight = [asyncio.create_task(breaker.call(dependency(ConnectionError(), seconds=1))) for _ in range(5)]
    await clock.sleep(0.5)
    breaker.force_closed()
    breaker.release()

    await asyncio.gather(*in_flight, return_exceptions=True)

    assert breaker.state is BreakerState.CLOSED


async def test_a_probe_that_never_comes_back_keeps_the_others_out(
    breaker: CircuitBreaker, dependency: Any, clock: Clock
) -> None:
    """The breaker has no timer of its own: a timeout inside it ends the probe, and that counts as its failure."""
    await fail(breaker, dependency, 3, ConnectionError)
    await clock.sleep(2.0)
    hangs = asyncio.create_task(breaker.call(dependency(seconds=1e6)))
    await clock.sleep(1e5)
    with pytest.raises(BreakerOpen):
        await breaker.call(dependency())
    hangs.cancel()
    await asyncio.wait([hangs])

    await fail_with(breaker, dependency, AttemptTimeout(LINK, timeout_s=1.0))

    assert breaker.state is BreakerState.OPEN


async def test_a_probe_that_another_policy_refused_gives_its_place_back(
    breaker: CircuitBreaker, dependency: Any, clock: Clock
) -> None:
    await fail(breaker, dependency, 3, ConnectionError)
    await clock.sleep(2.0)
    await fail_with(breaker, dependency, RateLimited(LINK, retry_after_s=1.0))
    before = breaker.state

    assert await breaker.call(dependency()) == "answer"
    assert (before, breaker.state) == (BreakerState.HALF_OPEN, BreakerState.CLOSED)


async def test_an_error_before_anything_is_awaited_counts(breaker: CircuitBreaker) -> None:
    def refuses() -> Any:
        raise ConnectionError

    for _ in range(3):
        with pytest.raises(ConnectionError):
            await breaker.call(refuses)

    assert breaker.state is BreakerState.OPEN


async def test_a_listener_that_fails_takes_no_probe_place(failures: Failures, clock: Clock, dependency: Any) -> None:
    def broken(event: Event) -> None:
        if event == BreakerChanged(LINK, BreakerState.OPEN, BreakerState.HALF_OPEN):
            raise ZeroDivisionError

    listener: Listener = broken
    breaker = CircuitBreaker(LINK, SETTINGS, failures=failures, clock=clock, listener=listener)
    await fail(breaker, dependency, 3, ConnectionError)
    await clock.sleep(2.0)
    payments = dependency()
    with pytest.raises(ZeroDivisionError):
        await breaker.call(payments)

    assert payments.calls == 0
    assert await breaker.call(payments) == "answer"


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


async def test_a_listener_that_raises_is_no_outcome_of_the_dependency(failures: Failures, clock: Clock) -> None:
    """It raises as the first probe is let through; no call was made, so nothing is known."""
    settings = BreakerSettings(ConsecutiveFailures(1), open_s=1.0, probes=1)
    calls = 0

    def listener(event: Event) -> None:
        if isinstance(event, BreakerChanged) and event.state is BreakerState.HALF_OPEN:
            raise LookupError

    async def fails() -> None:
        nonlocal calls
        calls += 1
        raise ConnectionError

    breaker = CircuitBreaker("link", settings, failures=failures, clock=clock, listener=listener)
    with pytest.raises(ConnectionError):
        await breaker.call(fails)
    await clock.sleep(1.0)
    with pytest.raises(LookupError):
        await breaker.call(fails)

    assert calls == 1
    assert breaker.state is BreakerState.HALF_OPEN
    with pytest.raises(ConnectionError):
        await breaker.call(fails)
