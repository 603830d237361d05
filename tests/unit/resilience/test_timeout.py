"""The bound on one attempt."""

import asyncio
from typing import Any

import pytest

from resilience import AttemptTimeout, Clock, Timeout, TimeoutSettings


@pytest.fixture
def policy() -> Timeout:
    return Timeout("payments_to_bank", TimeoutSettings(timeout_s=1.0))


async def test_an_answer_in_time_passes(policy: Timeout, dependency: Any) -> None:
    assert await policy.call(dependency(seconds=0.9)) == "answer"


async def test_an_attempt_that_takes_longer_ends_at_its_time(policy: Timeout, clock: Clock, dependency: Any) -> None:
    bank = dependency(seconds=60)

    with pytest.raises(AttemptTimeout) as caught:
        await policy.call(bank)

    assert clock.now() == 1.0
    assert (caught.value.link, caught.value.timeout_s) == ("payments_to_bank", 1.0)
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
