"""The bound on one attempt."""

import asyncio
from typing import Any

import pytest

from resilience import AttemptTimeout, Clock, DeadlineExceeded, Event, Timeout, TimeoutSettings
from resilience.deadline import deadline_at
from resilience.events import Refused

LINK = "payments_to_bank"


@pytest.fixture
def policy(clock: Clock, events: list[Event]) -> Timeout:
    return Timeout(LINK, TimeoutSettings(timeout_s=1.0), clock=clock, listener=events.append)


async def test_an_answer_in_time_passes(policy: Timeout, dependency: Any) -> None:
    assert await policy.call(dependency(seconds=0.9)) == "answer"


async def test_an_attempt_that_takes_longer_ends_at_its_time(policy: Timeout, clock: Clock, dependency: Any) -> None:
    bank = dependency(seconds=60)

    with pytest.raises(AttemptTimeout) as caught:
        await policy.call(bank)

    assert clock.now() == 1.0
    assert (caught.value.link, caught.value.timeout_s) == (LINK, 1.0)
    assert bank.in_flight == 0


async def test_a_timeout_error_of_the_operation_itself_passes_unchanged(policy: Timeout, dependency: Any) -> None:
    own = TimeoutError("the driver's own")

    with pytest.raises(TimeoutError) as caught:
        await policy.call(dependency(own))

    assert caught.value is own


async def test_an_error_raised_while_being_cancelled_passes(policy: Timeout) -> None:
    async def breaks_on_cancel() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionResetError from None

    with pytest.raises(ConnectionResetError):
        await policy.call(breaks_on_cancel)


async def test_an_answer_given_in_spite_of_the_cancellation_is_not_thrown_away(policy: Timeout) -> None:
    async def answers_on_cancel() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "late"
        return "never"

    assert await policy.call(answers_on_cancel) == "late"


async def test_the_callers_own_cancellation_stays_a_cancellation(policy: Timeout, dependency: Any) -> None:
    task = asyncio.create_task(policy.call(dependency(seconds=60)))
    await asyncio.sleep(0.5)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_callers_shorter_timeout_stays_the_callers(policy: Timeout, clock: Clock, dependency: Any) -> None:
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.5):
            await policy.call(dependency(seconds=60))

    assert not isinstance(caught.value, AttemptTimeout)
    assert clock.now() == 0.5


async def told() -> float | None:
    """Be an operation that answers with the deadline that it sees."""
    return deadline_at.get()


class TestWithADeadline:
    @pytest.mark.parametrize(("callers_at", "seen"), [(None, 3.0), (9.0, 3.0), (3.0, 3.0), (2.5, 2.5)])
    async def test_an_attempt_sends_on_what_is_really_left_for_it(
        self, policy: Timeout, clock: Clock, callers_at: float | None, seen: float
    ) -> None:
        """The caller may have 7 s, but nobody waits longer than 1 s for this attempt."""
        await clock.sleep(2.0)
        deadline_at.set(callers_at)

        assert await policy.call(told) == seen
        assert deadline_at.get() == callers_at

    async def test_an_attempt_ends_with_the_callers_time(self, policy: Timeout, clock: Clock, dependency: Any) -> None:
        bank = dependency(seconds=60)
        await clock.sleep(2.0)
        deadline_at.set(2.25)

        with pytest.raises(AttemptTimeout) as caught:
            await policy.call(bank)

        assert clock.now() == 2.25
        assert caught.value.timeout_s == 0.25
        assert (bank.calls, bank.in_flight) == (1, 0)
        assert deadline_at.get() == 2.25

    @pytest.mark.parametrize("callers_at", [2.0, 1.5])
    async def test_with_nothing_left_no_attempt_is_made(
        self, policy: Timeout, clock: Clock, dependency: Any, events: list[Event], callers_at: float
    ) -> None:
        bank = dependency()
        await clock.sleep(2.0)
        deadline_at.set(callers_at)

        with pytest.raises(DeadlineExceeded) as caught:
            await policy.call(bank)

        assert bank.calls == 0
        assert (caught.value.link, caught.value.left_s) == (LINK, callers_at - 2.0)
        assert str(caught.value).endswith("at least 0 ms are needed")
        assert events == [Refused(LINK, "deadline", None)]

    async def test_without_a_listener_it_refuses_likewise(self, clock: Clock, dependency: Any) -> None:
        deadline_at.set(0.0)

        with pytest.raises(DeadlineExceeded):
            await Timeout(LINK, TimeoutSettings(1.0), clock=clock).call(dependency())

    @pytest.mark.parametrize("error", [ConnectionError, TimeoutError, asyncio.CancelledError])
    async def test_however_an_attempt_ends_the_callers_deadline_is_back(
        self, policy: Timeout, dependency: Any, error: type[BaseException]
    ) -> None:
        deadline_at.set(5.0)

        with pytest.raises(error):
            await policy.call(dependency(error()))

        assert deadline_at.get() == 5.0

    async def test_what_never_waits_tells_nobody(self, policy: Timeout, events: list[Event]) -> None:
        await policy.call(told)

        assert events == []


async def test_a_result_in_spite_of_the_cancellation_leaves_no_trace_of_it(clock: Clock) -> None:
    """Whoever asks the task afterwards finds that nobody wanted it to stop."""

    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "answer"
        return "never"

    assert await Timeout("link", TimeoutSettings(0.1), clock=clock).call(stubborn) == "answer"

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_outside_of_a_task_there_is_nothing_to_cancel(clock: Clock) -> None:
    """A loop's callback that drives the coroutine by hand; the deadline is left as it was."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def by_hand() -> None:
        coroutine = Timeout("link", TimeoutSettings(0.1), clock=clock).call(lambda: asyncio.sleep(0))
        try:
            coroutine.send(None)
        except RuntimeError as error:
            told.set_result(f"{error}, {deadline_at.get()}")

    asyncio.get_running_loop().call_soon(by_hand)

    assert await told == "a timeout needs a task to cancel, None"
