"""The shared limit on a real Valkey: what its script lets through, whoever asks, and what it leaves behind."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from resilience.errors import RateLimited
from resilience.events import Event, FallbackUsed, Refused, ignore
from resilience.rate_limiter import RateLimitSettings
from resilience.rate_limiter_redis import SCRIPT, SHA, RedisRateLimiter

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("clean_cache")]

# Far more than a bound below, far less than what the trap behind it costs.
SOON_S = 10.0


@pytest.fixture
async def client(servers: Any) -> AsyncIterator[Redis]:
    connected = Redis(host="127.0.0.1", port=servers.valkey)
    yield connected
    await connected.aclose()


def limiter(
    client: Redis, rate_per_s: float, burst: float, *, on_redis_error: Any = "refuse", timeout_s: float = 5.0
) -> RedisRateLimiter:
    return RedisRateLimiter(
        client,
        "limit:",
        RateLimitSettings(rate_per_s, burst),
        link="link",
        on_redis_error=on_redis_error,
        timeout_s=timeout_s,
        listener=ignore,
    )


async def server_s(client: Redis) -> float:
    seconds, microseconds = await client.time()
    return float(seconds) + float(microseconds) / 1e6


async def test_two_limiters_on_one_key_let_through_what_one_would(servers: Any, client: Redis) -> None:
    """By count: at most burst + rate x time, and that many are there to be had."""
    other = Redis(host="127.0.0.1", port=servers.valkey)
    limiters = [limiter(client, 50, 20), limiter(other, 50, 20)]
    began = await server_s(client)
    taken = 0

    async def take_all(one: RedisRateLimiter) -> None:
        nonlocal taken
        until = began + 1.0
        while await server_s(client) < until:
            wait_s = await one.take("ann")
            taken += wait_s == 0.0

    await asyncio.gather(*(take_all(one) for one in limiters * 4))
    lasted_s = await server_s(client) - began
    await other.aclose()

    assert 20 + 50 * 0.5 <= taken <= 20 + 50 * lasted_s


async def test_a_burst_of_a_hundred_at_once_is_the_burst(client: Redis) -> None:
    one = limiter(client, 0.001, 7)

    waits = await asyncio.gather(*(one.take("ann") for _ in range(100)))

    assert waits.count(0.0) == 7


async def test_each_key_has_a_bucket_of_its_own(client: Redis) -> None:
    one = limiter(client, 0.001, 1)

    assert [await one.take(key) == 0.0 for key in ("ann", "bob", "ann", "bob")] == [True, True, False, False]


async def test_who_waits_the_time_told_is_served(client: Redis) -> None:
    one = limiter(client, 20, 1)
    await one.take("ann")
    for _ in range(5):
        wait_s = await one.take("ann")
        assert 0 < wait_s <= 0.05
        await asyncio.sleep(wait_s)
        assert await one.take("ann") == 0.0


async def test_a_cost_is_paid_whole_or_not_at_all(client: Redis) -> None:
    one = limiter(client, 0.5, 10)

    assert await one.take("ann", 7) == 0.0
    assert await one.take("ann", 4) == pytest.approx(2, abs=0.5)
    assert await one.take("ann", 3) == 0.0
    assert await one.take("ann") > 1


async def test_a_key_expires_by_itself_when_its_bucket_is_full_again(client: Redis) -> None:
    """What is not used leaves nothing behind; a refusal does not keep it longer."""
    one = limiter(client, 10, 5)
    await one.take("ann", 4)

    assert 0 < await client.pttl("limit:ann") <= 401
    assert await one.take("ann", 5) > 0
    assert await client.pttl("limit:ann") <= 401
    await asyncio.sleep(0.5)
    assert await client.exists("limit:ann") == 0
    assert await one.take("ann", 5) == 0.0


async def test_a_flush_of_the_scripts_costs_a_second_question_and_nothing_else(client: Redis) -> None:
    one = limiter(client, 0.001, 3)
    await one.take("ann")

    await client.script_flush()
    assert await client.script_exists(SHA) == [False]
    assert await one.take("ann") == 0.0
    assert await client.script_exists(SHA) == [True]
    assert [await one.take("ann") == 0.0 for _ in range(2)] == [True, False]


async def test_the_clock_is_the_servers(client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose clocks are an hour ahead gets no token sooner."""
    one = limiter(client, 0.01, 1)
    await one.take("ann")
    for name in ("time", "monotonic"):
        honest = getattr(time, name)
        monkeypatch.setattr(time, name, lambda honest=honest: honest() + 3600)

    assert await one.take("ann") > 90
    assert "ARGV[4]" not in SCRIPT


async def test_a_server_clock_that_was_set_back_stops_nobody(client: Redis) -> None:
    """The bucket keeps what it has, and fills from the server's new time on."""
    one = limiter(client, 20, 2)
    ahead_us = round((await server_s(client) + 3600) * 1e6)
    await client.hset("limit:ann", mapping={"tokens": 0, "at": ahead_us})

    assert 0 < await one.take("ann") <= 0.05
    await asyncio.sleep(0.06)
    assert await one.take("ann") == 0.0
    assert await client.pttl("limit:ann") <= 101


async def test_a_tiny_rate_and_a_great_burst_are_kept_exactly(client: Redis) -> None:
    """Numbers go through the server as text: none of their digits may be lost."""
    one = limiter(client, 1e-6, 1_000_000_000)

    assert await one.take("ann", 999_999_998.5) == 0.0
    assert await one.take("ann") == 0.0
    assert await one.take("ann") == pytest.approx(500_000, rel=1e-3)


@pytest.mark.parametrize("on_redis_error", ["allow", "refuse"])
@pytest.mark.parametrize("fault", ["gone", "silent"])
async def test_without_a_server_a_call_is_answered_in_time(
    servers: Any, wire: Any, fault: str, on_redis_error: Any
) -> None:
    """redis-py alone, with its 11 tries, takes most of a minute on a silent line."""
    events: list[Event] = []
    line = await wire(servers.valkey)
    cut_off = Redis(host="127.0.0.1", port=line.port)
    one = RedisRateLimiter(
        cut_off,
        "limit:",
        RateLimitSettings(1, 1),
        link="link",
        on_redis_error=on_redis_error,
        timeout_s=0.2,
        listener=events.append,
    )
    await one.take("bob")
    if fault == "gone":
        await line.down()
    else:
        line.silent = True

    async def answer() -> str:
        return "answer"

    async with asyncio.timeout(SOON_S):
        if on_redis_error == "allow":
            assert await one.call("ann", answer) == "answer"
        else:
            with pytest.raises(RateLimited):
                await one.call("ann", answer)
        line.silent = False
        if fault == "gone":
            await line.up()
        assert await one.take("carl") == 0.0, "it works again as soon as the server does"
    await cut_off.aclose()
    told = {"allow": FallbackUsed, "refuse": Refused}
    assert [type(event) for event in events] == [told[on_redis_error]]
