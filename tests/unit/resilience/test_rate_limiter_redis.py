"""The limiter in Redis, without Redis: what it asks, and what becomes of a call when nobody answers.

What the script decides is tested where a server runs it: tests/integration/resilience/.
"""

import asyncio
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import NoScriptError

from resilience.clock import Clock
from resilience.errors import RateLimited, SettingsError
from resilience.events import Event, FallbackUsed, Refused, ignore
from resilience.rate_limiter import RateLimitSettings
from resilience.rate_limiter_redis import SCRIPT, SHA, RedisRateLimiter


class Server:
    """Answers each command with the next of `answers`, after `seconds`; notes the commands."""

    def __init__(self, *answers: int | Exception, seconds: float = 0.0) -> None:
        self.answers = list(answers)
        self.seconds = seconds
        self.asked: list[tuple[Any, ...]] = []

    async def evalsha(self, *command: Any) -> int:
        return await self.answer("EVALSHA", *command)

    async def eval(self, *command: Any) -> int:
        return await self.answer("EVAL", *command)

    async def answer(self, *command: Any) -> int:
        self.asked.append(command)
        await asyncio.sleep(self.seconds)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def limiter(server: Server, on_redis_error: Any = "refuse", *, timeout_s: float = 0.1, listener: Any = ignore) -> Any:
    return RedisRateLimiter(
        server,
        "limit:",
        RateLimitSettings(4, 8),
        link="link",
        on_redis_error=on_redis_error,
        timeout_s=timeout_s,
        listener=listener,
    )


async def test_a_call_asks_once_and_passes(dependency: Any, events: list[Event]) -> None:
    server = Server(0)

    assert await limiter(server, listener=events.append).call("ann", dependency()) == "answer"
    assert server.asked == [("EVALSHA", SHA, 1, "limit:ann", 4, 8, 1.0)]
    assert events == []


async def test_a_call_may_cost_more() -> None:
    server = Server(0)

    assert await limiter(server).take("ann", 2.5) == 0.0
    assert server.asked[0][-1] == 2.5


async def test_a_call_too_many_is_refused_with_the_time_to_wait(dependency: Any, events: list[Event]) -> None:
    operation = dependency()

    with pytest.raises(RateLimited) as refused:
        await limiter(Server(1_500_000), listener=events.append).call("ann", operation)

    assert (refused.value.link, refused.value.retry_after_s, operation.calls) == ("link", 1.5, 0)
    assert events == [Refused("link", "rate_limiter", 1.5)]


async def test_the_cost_of_a_call_is_what_it_asks_for(dependency: Any) -> None:
    server = Server(0)

    await limiter(server).call("ann", dependency(), cost=3)

    assert server.asked[0][-1] == 3


async def test_a_server_that_has_lost_the_script_is_sent_it() -> None:
    server = Server(NoScriptError(), 0)

    assert await limiter(server).take("ann") == 0.0
    assert server.asked[1] == ("EVAL", SCRIPT, 1, "limit:ann", 4, 8, 1.0)


@pytest.mark.parametrize("error", [RedisGone(), OSError(), NoScriptError()])
async def test_without_redis_allow_lets_through_and_says_so(
    error: Exception, dependency: Any, events: list[Event]
) -> None:
    one = limiter(Server(error, RedisGone()), "allow", listener=events.append)

    assert await one.call("ann", dependency()) == "answer"
    assert events == [
        FallbackUsed("link", "ConnectionError" if isinstance(error, NoScriptError) else type(error).__name__)
    ]


async def test_without_redis_allow_says_that_the_tokens_are_taken() -> None:
    assert await limiter(Server(RedisGone()), "allow").take("ann") == 0.0


@pytest.mark.parametrize("error", [RedisGone(), OSError()])
async def test_without_redis_refuse_refuses_for_the_time_that_brings_the_tokens(
    error: Exception, dependency: Any, events: list[Event]
) -> None:
    operation = dependency()

    with pytest.raises(RateLimited) as refused:
        await limiter(Server(error), "refuse", listener=events.append).call("ann", operation, cost=2)

    assert (refused.value.retry_after_s, operation.calls) == (0.5, 0)
    assert events == [Refused("link", "rate_limiter", 0.5)]


async def test_a_defect_is_no_error_of_redis() -> None:
    with pytest.raises(ZeroDivisionError):
        await limiter(Server(ZeroDivisionError()), "allow").take("ann")


@pytest.mark.parametrize("lost_script", [False, True])
async def test_all_that_redis_is_asked_is_bounded_in_time(lost_script: bool, clock: Clock) -> None:
    """Together, the second question included."""
    server = Server(*([NoScriptError()] if lost_script else []), 0, seconds=0.07 if lost_script else 5)

    assert await limiter(server, "refuse", timeout_s=0.1).take("ann") == 0.25
    assert clock.now() == pytest.approx(0.1)


async def test_a_cancelled_call_stays_cancelled(dependency: Any, cancel_at: Any) -> None:
    """Neither "allow" nor "refuse" answers it."""
    end: Any
    for point in (1, 2):
        operation = dependency(seconds=1)
        one = limiter(Server(0, seconds=0.01), "allow")
        [end] = await asyncio.gather(
            asyncio.create_task(cancel_at(one.call("ann", operation), point)), return_exceptions=True
        )

        assert isinstance(end, asyncio.CancelledError)
        assert operation.calls == point - 1


def test_nonsense_is_refused_at_construction() -> None:
    with pytest.raises(SettingsError, match="on_redis_error must be 'allow' or 'refuse', got 'deny'"):
        limiter(Server(), "deny")
    with pytest.raises(SettingsError, match=r"RedisRateLimiter\.timeout_s must be more than 0"):
        limiter(Server(), timeout_s=0)


async def test_a_cost_above_the_burst_is_refused_before_redis_is_asked() -> None:
    server = Server()

    with pytest.raises(SettingsError):
        await limiter(server).take("ann", 9)
    assert server.asked == []
