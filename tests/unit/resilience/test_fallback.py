"""The second best answer."""

import asyncio
from typing import Any

import pytest

from resilience import AttemptTimeout, BreakerOpen, BulkheadFull, Event, Failures, Fallback
from resilience.events import FallbackUsed


@pytest.fixture
def fallback(failures: Failures, events: list[Event]) -> Fallback:
    return Fallback("inventory_to_redis", failures=failures, listener=events.append)


async def stale(error: Exception) -> str:
    return f"stale, {type(error).__name__}"


async def test_an_answer_needs_no_fallback(fallback: Fallback, dependency: Any, events: list[Event]) -> None:
    assert await fallback.call(dependency(), stale) == "answer"
    assert events == []


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError(),
        AttemptTimeout("link", timeout_s=1),
        BreakerOpen("link", retry_after_s=1),
        BulkheadFull("link", "full"),
    ],
)
async def test_it_answers_for_a_failure_and_for_a_refusal(
    fallback: Fallback, dependency: Any, events: list[Event], error: Exception
) -> None:
    name = type(error).__name__

    assert await fallback.call(dependency(error), stale) == f"stale, {name}"
    assert events == [FallbackUsed("inventory_to_redis", name)]


async def test_an_error_of_the_callers_making_is_let_through(
    fallback: Fallback, dependency: Any, events: list[Event]
) -> None:
    with pytest.raises(LookupError):
        await fallback.call(dependency(LookupError()), stale)

    assert events == []


async def test_a_cancellation_is_let_through(fallback: Fallback, dependency: Any, events: list[Event]) -> None:
    with pytest.raises(asyncio.CancelledError):
        await fallback.call(dependency(asyncio.CancelledError()), stale)

    assert events == []


async def test_an_error_of_the_fallback_names_the_first_as_its_context(fallback: Fallback, dependency: Any) -> None:
    async def broken(_error: Exception) -> str:
        raise LookupError("nothing stale either")

    first = ConnectionError()
    with pytest.raises(LookupError) as caught:
        await fallback.call(dependency(first), broken)

    assert caught.value.__context__ is first
