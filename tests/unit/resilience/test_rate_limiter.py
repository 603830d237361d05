"""The rate limiter: how many calls a time allows, what the rest is told, and what of it becomes an event."""

import asyncio
from typing import Any

import pytest

from resilience.clock import Clock
from resilience.errors import RateLimited, SettingsError
from resilience.events import Event, RateTokensChanged, Refused, ignore
from resilience.rate_limiter import SLACK_S, RateLimiter, RateLimitSettings, TokenBucket


def bucket(*, rate_per_s: float = 2.0, burst: float = 4.0) -> TokenBucket:
    return TokenBucket(RateLimitSettings(rate_per_s, burst), now=0.0)


def taken(one: TokenBucket, now: float, tries: int = 100) -> int:
    return sum(one.take(now) == 0.0 for _ in range(tries))


def test_it_starts_full() -> None:
    assert taken(bucket(burst=4), now=0) == 4


def test_seconds_bring_tokens_at_the_rate_and_are_paid_once() -> None:
    one = bucket(rate_per_s=2)
    taken(one, now=0)

    assert [taken(one, now) for now in (1.0, 1.0, 1.25, 1.5)] == [2, 0, 0, 1]


def test_it_keeps_no_more_than_the_burst() -> None:
    one = bucket(burst=4)
    taken(one, now=0)

    assert taken(one, now=1000) == 4


def test_too_few_tokens_are_told_by_the_time_until_they_are_enough() -> None:
    one = bucket(rate_per_s=2, burst=4)
    taken(one, now=0)

    assert one.take(now=0) == 0.5
    assert one.take(now=0, cost=3) == 1.5
    assert one.take(now=0.25) == 0.25


def test_a_refusal_takes_nothing() -> None:
    one = bucket(rate_per_s=2, burst=4)
    one.take(now=0, cost=3)

    assert one.take(now=0, cost=2) == 0.5
    assert one.tokens == 1
    assert one.take(now=0) == 0.0


def test_exactly_the_cost_is_enough_and_a_cost_may_be_the_whole_burst() -> None:
    one = bucket(burst=4)

    assert one.take(now=0, cost=4) == 0.0
    assert one.tokens == 0


def test_what_a_clock_rounds_away_is_forgiven_and_paid_by_the_next() -> None:
    """A microsecond of tokens is a debt, not a gift."""
    one = bucket(rate_per_s=1, burst=1)
    one.take(now=0)

    assert one.take(now=1 - 0.9e-6) == 0.0
    assert one.tokens == 0
    assert one.take(now=1 - 0.9e-6) == pytest.approx(1 + 0.9e-6, abs=1e-12)


def test_just_a_microsecond_is_forgiven() -> None:
    one = bucket(rate_per_s=1, burst=1)
    one.take(now=0)

    assert one.take(now=0, cost=SLACK_S) == 0.0


def test_more_than_a_microsecond_is_not_forgiven() -> None:
    one = bucket(rate_per_s=1, burst=1)
    one.take(now=0)

    assert one.take(now=1 - 1.1e-6) == pytest.approx(1.1e-6)


@pytest.mark.parametrize("cost", [0.0, -1.0, 4.001, float("nan"), float("inf")])
def test_a_cost_that_no_wait_would_pay_is_refused(cost: float) -> None:
    with pytest.raises(SettingsError, match=r"more than 0 and at most burst \(4\), got"):
        bucket(burst=4).take(0, cost)


@pytest.mark.parametrize(
    ("rate_per_s", "burst", "message"),
    [(0, 1, "rate_per_s must be more than 0"), (1, 0.5, "burst must be at least 1"), ("1", 1, "rate_per_s must be a")],
)
def test_nonsense_is_refused_at_construction(rate_per_s: Any, burst: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=rf"RateLimitSettings\.{message}"):
        RateLimitSettings(rate_per_s, burst)


def limiter(clock: Clock, listener: Any = ignore, *, rate_per_s: float = 2.0, burst: float = 4.0) -> RateLimiter:
    return RateLimiter("link", RateLimitSettings(rate_per_s, burst), clock=clock, listener=listener)


async def empty(one: RateLimiter, dependency: Any) -> None:
    while True:
        try:
            await one.call(dependency)
        except RateLimited:
            return


async def test_a_call_passes_and_its_answer_and_error_are_its_own(clock: Clock, dependency: Any) -> None:
    one = limiter(clock)

    assert await one.call(dependency()) == "answer"
    with pytest.raises(ConnectionError):
        await one.call(dependency(ConnectionError()))


async def test_a_call_too_many_is_refused_with_the_time_to_wait_and_never_made(clock: Clock, dependency: Any) -> None:
    one, operation = limiter(clock, rate_per_s=2, burst=4), dependency()
    for _ in range(4):
        await one.call(operation)

    with pytest.raises(RateLimited) as refused:
        await one.call(operation)

    assert (refused.value.link, refused.value.policy, refused.value.retry_after_s) == ("link", "rate_limiter", 0.5)
    assert operation.calls == 4


async def test_who_waits_the_time_told_is_served(clock: Clock, dependency: Any) -> None:
    one = limiter(clock)
    for _ in range(50):
        try:
            await one.call(dependency())
        except RateLimited as refused:
            await clock.sleep(refused.retry_after_s or 0.0)
            await one.call(dependency())


async def test_a_call_costs_one_token_or_what_it_says(clock: Clock, dependency: Any) -> None:
    one = limiter(clock, burst=4)
    await one.call(dependency(), cost=3)
    await one.call(dependency())

    with pytest.raises(RateLimited):
        await one.call(dependency())


async def test_the_clock_begins_with_the_limiter(clock: Clock, dependency: Any) -> None:
    """Built late, it has not gathered tokens since the machine started."""
    await clock.sleep(100)
    one = limiter(clock, burst=1)
    await one.call(dependency())

    with pytest.raises(RateLimited):
        await one.call(dependency())


async def test_a_cancelled_call_has_used_its_token(clock: Clock, dependency: Any, cancel_at: Any) -> None:
    """The other side may have counted it; given back, a storm of cancelled calls would pass any limit."""
    one = limiter(clock, burst=4)
    task = asyncio.create_task(cancel_at(one.call(dependency(seconds=0.01)), 1))

    with pytest.raises(asyncio.CancelledError):
        await task

    assert one._bucket.tokens == 3


async def test_tokens_are_told_at_the_start_and_a_refusal_each_time(
    clock: Clock, dependency: Any, events: list[Event]
) -> None:
    """At the limit a bucket is empty and not empty all the time: of that only the refusals are told."""
    one = limiter(clock, events.append, rate_per_s=2, burst=4)
    assert events == [RateTokensChanged("link", 4)]
    events.clear()
    for _ in range(3):
        await empty(one, dependency())
        await clock.sleep(0.5)

    assert events == [RateTokensChanged("link", 0), *[Refused("link", "rate_limiter", 0.5)] * 3]


async def test_tokens_are_told_again_when_half_the_burst_is_back(
    clock: Clock, dependency: Any, events: list[Event]
) -> None:
    one = limiter(clock, events.append, rate_per_s=2, burst=4)
    await empty(one, dependency())
    events.clear()

    await clock.sleep(0.9)
    await one.call(dependency())
    assert events == []
    await clock.sleep(1.6)
    await one.call(dependency())
    await one.call(dependency())

    assert events == [RateTokensChanged("link", 3)]


async def test_exactly_half_the_burst_is_enough_to_be_told(clock: Clock, dependency: Any, events: list[Event]) -> None:
    one = limiter(clock, events.append, rate_per_s=2, burst=4)
    await empty(one, dependency())
    events.clear()

    await clock.sleep(1)
    await one.call(dependency())

    assert events == [RateTokensChanged("link", 1)]


async def test_a_refusal_for_its_high_cost_tells_the_tokens_there_are(
    clock: Clock, dependency: Any, events: list[Event]
) -> None:
    one = limiter(clock, events.append, rate_per_s=2, burst=4)
    await one.call(dependency())
    events.clear()

    with pytest.raises(RateLimited):
        await one.call(dependency(), cost=4)
    await one.call(dependency(), cost=2)

    assert events == [
        RateTokensChanged("link", 3),
        Refused("link", "rate_limiter", 0.5),
        RateTokensChanged("link", 1),
    ]
