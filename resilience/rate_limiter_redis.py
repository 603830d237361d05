"""One rate limit for many processes: the token bucket of `resilience.rate_limiter`, kept in Redis.

The whole decision is one script, which Redis runs with nothing in between, so no number of processes takes a token
twice. The time is the Redis server's: the clocks of the processes may differ.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol, TypeVar

from redis.exceptions import NoScriptError, RedisError

from resilience.bounds import require
from resilience.errors import RateLimited, SettingsError
from resilience.events import FallbackUsed, Listener, Refused
from resilience.rate_limiter import RateLimitSettings

T = TypeVar("T")

# Returns the microseconds to wait, 0 where the tokens were taken. Times are whole microseconds, which a double holds
# exactly, and one microsecond's tokens are forgiven as a debt, as TokenBucket does. A refusal changes nothing, so it
# writes nothing; but a server clock that was set back would leave the bucket waiting for its old time, so then it goes
# on from now. The key expires when the bucket would be full: no key and a full bucket are the same.
SCRIPT = """
local rate, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(held[1]) or burst, tonumber(held[2]) or now
tokens = math.min(tokens + math.max(now - at, 0) * rate / 1000000, burst)
local lacking, wait = cost - tokens, 0
if lacking > rate / 1000000 then
  wait = math.ceil(lacking / rate * 1000000)
else
  tokens = -lacking
end
if wait == 0 or now < at then
  redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', tokens), 'at', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / rate * 1000) + 1)
end
return wait
"""
SHA = hashlib.sha1(SCRIPT.encode()).hexdigest()  # noqa: S324 -- the name that Redis gives a script, no secret


class Scripts(Protocol):
    """What is used of redis-py's asyncio client."""

    def evalsha(self, sha: str, numkeys: int, /, *keys_and_args: Any) -> Any:
        """Run a script that the server knows."""
        ...

    def eval(self, script: str, numkeys: int, /, *keys_and_args: Any) -> Any:
        """Run a script; the server knows it from then on."""
        ...


class RedisRateLimiter:
    """Guards calls with one bucket a key, shared by every process with the same prefix and settings.

    `on_redis_error` has no default: where Redis fails, or does not answer within `timeout_s` seconds, "allow" lets
    every call through and "refuse" none. It asks Redis once a call (twice where the script is not known there).
    """

    def __init__(
        self,
        client: Scripts,
        key_prefix: str,
        settings: RateLimitSettings,
        *,
        link: str,
        on_redis_error: Literal["allow", "refuse"],
        timeout_s: float,
        listener: Listener,
    ) -> None:
        if on_redis_error not in {"allow", "refuse"}:
            raise SettingsError(f"RedisRateLimiter.on_redis_error must be 'allow' or 'refuse', got {on_redis_error!r}")
        self.link = link
        self.timeout_s = timeout_s
        require(self, "timeout_s", above=0)
        self._client = client
        self._key_prefix = key_prefix
        self._settings = settings
        self._allow = on_redis_error == "allow"
        self._listener = listener

    async def call(self, key: str, operation: Callable[[], Awaitable[T]], *, cost: float = 1.0) -> T:
        """Await `operation()`; raises RateLimited, with the time to wait, where the key's bucket has too little.

        Raises SettingsError where `cost` is not above 0, or above the burst.
        """
        wait_s = await self.take(key, cost)
        if wait_s:
            self._listener(Refused(self.link, "rate_limiter", wait_s))
            raise RateLimited(self.link, retry_after_s=wait_s)
        return await operation()

    async def take(self, key: str, cost: float = 1.0) -> float:
        """Take `cost` tokens of the key and return 0.0; else take nothing and return the seconds to wait.

        Where Redis fails and the call is refused, that is the time in which `cost` tokens come. A cancelled take may
        have taken.
        """
        settings = self._settings
        settings.require_cost(cost)
        arguments = (1, f"{self._key_prefix}{key}", settings.rate_per_s, settings.burst, cost)
        try:
            # redis-py repeats on its own, 10 times by default: this bounds all of that.
            async with asyncio.timeout(self.timeout_s):
                wait_us = await self._ask(arguments)
        except (RedisError, OSError) as error:
            if self._allow:
                self._listener(FallbackUsed(self.link, type(error).__name__))
                return 0.0
            return cost / settings.rate_per_s
        return wait_us / 1e6

    async def _ask(self, arguments: tuple[Any, ...]) -> int:
        try:
            wait_us: int = await self._client.evalsha(SHA, *arguments)
        except NoScriptError:
            # The server was restarted, or its scripts were flushed.
            wait_us = await self._client.eval(SCRIPT, *arguments)
        return wait_us
