"""A rate limiter: so many calls in a second and no more, whatever the demand; what is above it is told when to come.

For quotas: what a partner allows us, what one customer may use of us. It counts calls and knows nothing of how the
other side fares; a dependency that may not be overrun needs a bulkhead.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from resilience.bounds import require
from resilience.clock import Clock
from resilience.errors import RateLimited, SettingsError
from resilience.events import Listener, RateTokensChanged, Refused

T = TypeVar("T")

# A clock in floats rounds: who waits exactly the time told may arrive a little early. So much is forgiven, as a debt
# that the next call pays; it is far above the rounding of any clock and far below what a limit is about.
SLACK_S = 1e-6


@dataclass(frozen=True, slots=True)
class RateLimitSettings:
    """`rate_per_s`: tokens that each second brings, more than 0. `burst`: the most tokens kept, at least 1.

    A call costs one token unless it says otherwise, so `burst` calls may come at one moment after a pause.
    """

    rate_per_s: float
    burst: float

    def __post_init__(self) -> None:
        require(self, "rate_per_s", above=0)
        require(self, "burst", at_least=1)

    def require_cost(self, cost: float) -> None:
        """Refuse a cost that is not above 0, or that no wait would ever pay; raises SettingsError."""
        if not 0 < cost <= self.burst:
            raise SettingsError(f"cost must be more than 0 and at most burst ({self.burst:g}), got {cost!r}")


class TokenBucket:
    """A token bucket without effects: the caller says what time it is, on a clock that never goes back.

    Over any time: tokens taken <= burst + rate_per_s * seconds, to within SLACK_S. It starts full. The arithmetic is
    that of RFC 2697's committed bucket, with tokens for bytes.
    """

    __slots__ = ("_at", "_settings", "_tokens")

    def __init__(self, settings: RateLimitSettings, *, now: float) -> None:
        self._settings = settings
        self._tokens = float(settings.burst)
        self._at = now

    @property
    def tokens(self) -> float:
        """Return what the bucket held after the last call, 0 to burst."""
        return max(0.0, self._tokens)

    def take(self, now: float, cost: float = 1.0) -> float:
        """Take `cost` tokens and return 0.0; else take nothing and return the seconds until they will be there.

        Raises SettingsError where `cost` is not above 0, or above the burst.
        """
        settings = self._settings
        settings.require_cost(cost)
        rate = settings.rate_per_s
        tokens = min(self._tokens + (now - self._at) * rate, settings.burst)
        self._at = now
        lacking = cost - tokens
        if lacking > rate * SLACK_S:
            self._tokens = tokens
            return lacking / rate
        self._tokens = -lacking
        return 0.0


class RateLimiter:
    """Guards calls with a TokenBucket. Safe for any number of calls at once in one event loop.

    Each process has a bucket of its own; resilience/rate_limiter_redis.py shares one. What a call has taken it has
    taken, however it ends: the other side may have counted it.

    RateTokensChanged is told when a call finds too few tokens, and again when one has found half the burst: in between,
    a bucket at its limit is empty and not empty with every call.
    """

    def __init__(self, link: str, settings: RateLimitSettings, *, clock: Clock, listener: Listener) -> None:
        self.link = link
        self._bucket = TokenBucket(settings, now=clock.now())
        self._half = settings.burst / 2
        # So many tokens, found by a call, are news: half the burst after a refusal, else no number of them.
        self._news_from = math.inf
        self._clock = clock
        self._listener = listener
        self._tell_tokens()

    async def call(self, operation: Callable[[], Awaitable[T]], *, cost: float = 1.0) -> T:
        """Await `operation()`; raises RateLimited, with the time to wait, where there are less than `cost` tokens.

        It never waits itself. Raises SettingsError where `cost` is not above 0, or above the burst.
        """
        bucket = self._bucket
        wait_s = bucket.take(self._clock.now(), cost)
        if wait_s:
            raise self._refusal(wait_s)
        if bucket.tokens + cost >= self._news_from:
            self._news_from = math.inf
            self._tell_tokens()
        return await operation()

    def _refusal(self, wait_s: float) -> RateLimited:
        if self._news_from != self._half:
            self._news_from = self._half
            self._tell_tokens()
        self._listener(Refused(self.link, "rate_limiter", wait_s))
        return RateLimited(self.link, retry_after_s=wait_s)

    def _tell_tokens(self) -> None:
        self._listener(RateTokensChanged(self.link, int(self._bucket.tokens)))
