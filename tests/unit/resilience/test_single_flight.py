"""Many callers, one call; whose it is when some of them leave."""

import asyncio
import gc
from contextvars import ContextVar
from typing import Any

import pytest

from resilience import Event
from resilience.events import CallShared
from resilience.single_flight import SingleFlight

LINK = "catalog_to_mysql"


@pytest.fixture
def flights(events: list[Event]) -> SingleFlight:
    return SingleFlight(LINK, listener=events.append)


@pytest.fixture(autouse=True)
async def nothing_is_left(flights: SingleFlight) -> Any:
    """Whatever a test does: no task, no error that nobody took, no key that stays."""
    yield
    await asyncio.sleep(10)
    gc.collect()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert flights.in_flight == 0


class Slow:
    """An operation of one second that ends with `end`; a clean-up takes `cleanup_s` and ends with `cleanup_error`."""

    def __init__(self, end: Any = "answer", *, cleanup_s: float = 0.0, cleanup_error: Exception | None = None) -> None:
        self.end = end
        self.cleanup_s = cleanup_s
        self.cleanup_error = cleanup_error
        self.calls = 0
        self.cleaned = 0

    async def __call__(self) -> Any:
        self.calls += 1
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            await asyncio.sleep(self.cleanup_s)
            self.cleaned += 1
            if self.cleanup_error is not None:
                raise self.cleanup_error from None
            raise
        if isinstance(self.end, BaseException):
            raise self.end
        return self.end


def now() -> float:
    return asyncio.get_running_loop().time()


async def started(flights: SingleFlight, operation: Any, callers: int) -> list[asyncio.Task[Any]]:
    """Return so many callers for one key, a tenth of a second later."""
    tasks = [asyncio.create_task(flights.call("key", operation)) for _ in range(callers)]
    await asyncio.sleep(0.1)
    return tasks


async def test_callers_at_once_share_one_call_and_its_answer(flights: SingleFlight, events: list[Event]) -> None:
    answer = object()
    operation = Slow(answer)

    answers = await asyncio.gather(*await started(flights, operation, 3))

    assert all(one is answer for one in answers)
    assert operation.calls == 1
    assert events == [CallShared(LINK)] * 2


async def test_they_share_its_error_too(flights: SingleFlight) -> None:
    error = ConnectionError()
    operation = Slow(error)

    ends = await asyncio.gather(*await started(flights, operation, 3), return_exceptions=True)

    assert ends == [error] * 3
    assert operation.calls == 1


async def test_a_shared_error_does_not_grow_with_its_callers(flights: SingleFlight) -> None:
    """Each raises it anew; frames of the others must not pile up in it."""
    error = ConnectionError()

    async def frames() -> int:
        try:
            await flights.call("key", Slow(error))
        except ConnectionError as caught:
            depth, traceback = 0, caught.__traceback__
            while traceback is not None:
                depth, traceback = depth + 1, traceback.tb_next
            return depth
        raise AssertionError

    depths = await asyncio.gather(*(frames() for _ in range(50)))
    assert max(depths) == depths[0]


async def test_keys_fly_apart(flights: SingleFlight, events: list[Event]) -> None:
    assert flights.link == LINK
    one, other = Slow("one"), Slow("other")
    assert list(await asyncio.gather(flights.call(1, one), flights.call(2, other))) == ["one", "other"]
    assert events == []


async def test_the_next_call_starts_anew(flights: SingleFlight, events: list[Event]) -> None:
    operation = Slow()
    await flights.call("key", operation)
    await flights.call("key", operation)
    assert operation.calls == 2
    assert events == []


async def test_a_call_in_the_turn_of_the_end_starts_anew(flights: SingleFlight, events: list[Event]) -> None:
    """What is over may not be joined, even before its callers have heard of it."""
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def first() -> str:
        await answer
        late.append(asyncio.create_task(flights.call("key", Slow("second"))))
        return "first"

    late: list[asyncio.Task[str]] = []
    asyncio.get_running_loop().call_later(1, answer.set_result, "")
    assert await flights.call("key", first) == "first"
    assert flights.in_flight == 1
    assert await late[0] == "second"
    assert events == []


async def test_an_operation_may_return_any_awaitable(flights: SingleFlight) -> None:
    async def call() -> str:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(1, future.set_result, "answer")
        return await flights.call("key", lambda: future)

    assert await call() == "answer"


# -- leaving ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leaver", [0, 1])
async def test_who_is_cancelled_leaves_and_the_flight_goes_on(flights: SingleFlight, leaver: int) -> None:
    """The first caller is no more than the others."""
    operation = Slow()
    tasks = await started(flights, operation, 2)

    tasks[leaver].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[leaver]

    assert now() == pytest.approx(0.1)
    assert await tasks[1 - leaver] == "answer"
    assert now() == pytest.approx(1.0)
    assert (operation.calls, operation.cleaned) == (1, 0)


async def test_when_the_last_one_leaves_the_flight_is_cancelled_and_waited_for(flights: SingleFlight) -> None:
    operation = Slow(cleanup_s=0.5)
    first, last = await started(flights, operation, 2)
    first.cancel()
    await asyncio.sleep(0.1)
    last.cancel()
    with pytest.raises(asyncio.CancelledError):
        await last

    assert operation.cleaned == 1
    assert now() == pytest.approx(0.2 + 0.5)


async def test_all_leave_in_one_turn(flights: SingleFlight) -> None:
    operation = Slow()
    tasks = await started(flights, operation, 3)
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(end, asyncio.CancelledError) for end in ends)
    assert operation.cleaned == 1


async def test_a_flight_that_is_being_cancelled_is_not_joined(flights: SingleFlight, events: list[Event]) -> None:
    """It has no answer to give; who comes now flies alone, and the end of the old one leaves the new one alone."""
    operation = Slow(cleanup_s=0.5)
    [leaver] = await started(flights, operation, 1)
    leaver.cancel()
    await asyncio.sleep(0.1)

    late = asyncio.create_task(flights.call("key", operation))
    await asyncio.sleep(0.6)
    assert leaver.done()
    assert flights.in_flight == 1
    joined = asyncio.create_task(flights.call("key", operation))
    assert list(await asyncio.gather(late, joined)) == ["answer", "answer"]
    assert operation.calls == 2
    assert events == [CallShared(LINK)]


async def test_a_second_cancellation_ends_the_clean_up(flights: SingleFlight) -> None:
    operation = Slow(cleanup_s=5)
    [task] = await started(flights, operation, 1)
    task.cancel()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert now() == pytest.approx(0.2)


async def test_an_error_while_cleaning_up_is_nobodys(flights: SingleFlight) -> None:
    [task] = await started(flights, Slow(cleanup_error=ConnectionError()), 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("turns", range(4))
async def test_a_failure_in_the_turn_in_which_the_last_one_leaves_is_nobodys(flights: SingleFlight, turns: int) -> None:
    """It must not turn up as an exception that was never retrieved."""
    [task] = await started(flights, Slow(ConnectionError()), 1)
    loop = asyncio.get_running_loop()

    def cancel(left: int) -> None:
        if left:
            loop.call_soon(cancel, left - 1)
        else:
            task.cancel()

    loop.call_at(1.0, cancel, turns)
    end: Any
    [end] = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(end, asyncio.CancelledError if task.cancelling() else ConnectionError)


async def test_a_flight_that_is_cancelled_from_outside_is_a_cancellation_for_all(flights: SingleFlight) -> None:
    """Nobody asked the callers to stop, but there is no answer either."""
    operation = Slow(asyncio.CancelledError())
    ends = await asyncio.gather(*await started(flights, operation, 2), return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends)


async def test_a_caller_that_is_closed_cancels_the_flight_without_waiting(flights: SingleFlight) -> None:
    operation = Slow(cleanup_s=0.2)
    call: Any = flights.call("key", operation)
    call.send(None)
    await asyncio.sleep(0.1)
    call.close()
    await asyncio.sleep(0.1)
    assert operation.cleaned == 0
    await asyncio.sleep(0.2)
    assert operation.cleaned == 1


async def test_it_flies_in_the_first_callers_context(flights: SingleFlight) -> None:
    var: ContextVar[str] = ContextVar("var")

    async def operation() -> str:
        await asyncio.sleep(1)
        return var.get()

    async def caller(name: str) -> str:
        var.set(name)
        return await flights.call("key", operation)

    assert list(await asyncio.gather(caller("first"), caller("second"))) == ["first", "first"]
