"""How long to wait before the next attempt: four shapes, as tenacity's wait objects, with the chance passed in.

tenacity's own draw from the global source, which no test can repeat; and it has neither equal nor decorrelated jitter.
Formulas and names are those of the AWS Architecture Blog, "Exponential Backoff And Jitter" (2015). Without jitter all
who failed at one moment come back at one moment.
"""

import random
from typing import Literal, get_args

from tenacity import RetryCallState, wait_exponential
from tenacity.wait import wait_base

Jitter = Literal["full", "equal", "decorrelated", "none"]
JITTERS: tuple[Jitter, ...] = get_args(Jitter)


class FullJitter(wait_exponential):
    """uniform(0, min(cap, base * 2**(n-1))) before retry n: the fewest calls; the mean is half the longest."""

    def __init__(self, base_s: float, cap_s: float, rng: random.Random) -> None:
        super().__init__(multiplier=base_s, max=cap_s)
        self._rng = rng

    def __call__(self, retry_state: RetryCallState) -> float:
        """Return the seconds to wait after attempt `retry_state.attempt_number`."""
        return self._rng.uniform(0.0, super().__call__(retry_state))


class EqualJitter(FullJitter):
    """x/2 + uniform(0, x/2) with x = min(cap, base * 2**(n-1)): never at once; the mean is three quarters of x."""

    def __call__(self, retry_state: RetryCallState) -> float:
        """Return the seconds to wait after attempt `retry_state.attempt_number`."""
        half_s = wait_exponential.__call__(self, retry_state) / 2
        return half_s + self._rng.uniform(0.0, half_s)


class DecorrelatedJitter(wait_base):
    """min(cap, uniform(base, 3 * the wait before)), the first from base to 3 * base: grows by chance, not by count."""

    def __init__(self, base_s: float, cap_s: float, rng: random.Random) -> None:
        self._base_s = base_s
        self._cap_s = cap_s
        self._rng = rng

    def __call__(self, retry_state: RetryCallState) -> float:
        """Return the seconds to wait; tenacity keeps the wait before in `retry_state.upcoming_sleep`."""
        before_s = max(self._base_s, retry_state.upcoming_sleep)
        return min(self._cap_s, self._rng.uniform(self._base_s, 3 * before_s))


def wait_of(jitter: Jitter, *, base_s: float, cap_s: float, rng: random.Random) -> wait_base:
    """Return the tenacity wait of this name; "none" is min(cap, base * 2**(n-1)) itself."""
    if jitter == "none":
        return wait_exponential(multiplier=base_s, max=cap_s)
    kind = {"full": FullJitter, "equal": EqualJitter, "decorrelated": DecorrelatedJitter}[jitter]
    return kind(base_s, cap_s, rng)
