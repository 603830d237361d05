"""An adaptive concurrency limit: how many calls a dependency bears is measured, not guessed.

A bulkhead's number is right on the day it is chosen. Here the limit follows the durations: while they are what they
usually are, it grows by a small queue; where they rise above that, calls are waiting inside the dependency, and it
falls. It needs neither a capacity to be known nor anything of the dependency. The arithmetic is Gradient2 (Netflix,
concurrency-limits, Gradient2Limit.java), over means of time windows.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from resilience.bounds import require, require_whole
from resilience.clock import Clock
from resilience.errors import LimitReached, SettingsError
from resilience.events import LimitChanged, Listener, Refused
from resilience.outcome import Failures, Outcome, judge

T = TypeVar("T")

LOWEST_GRADIENT = 0.5  # one window never more than halves the aim
DECAY_ABOVE = 2.0  # so far below the usual are durations that show that the usual was taken in bad times
DECAY = 0.9
WARM_UP_WINDOWS = 10  # the usual is a plain mean until there are so many


@dataclass(frozen=True, slots=True)
class GradientSettings:
    """Where the limit begins, where it ends, and how fast it moves. The defaults are Gradient2's, but for `backoff`.

    `initial`, `min_limit`, `max_limit`: calls, 1 <= min_limit <= initial <= max_limit.
    `window_s`: seconds of which the mean duration is one sample, more than 0; with fewer than `min_samples` calls, at
    least 1, it goes on. `queue_size`: calls the limit grows by and that may wait in the dependency, more than 0.
    `tolerance`: durations up to this multiple of the usual are no reason to fall, at least 1. `smoothing`: the share of
    the way to its aim that the limit goes in a window, more than 0, at most 1. `long_window`: windows that the usual
    duration is taken from, at least 1. `backoff`: what a failure multiplies the limit by, once a window, more than 0,
    less than 1.
    """

    initial: int
    min_limit: int
    max_limit: int
    window_s: float = 1.0
    min_samples: int = 10
    queue_size: float = 4.0
    tolerance: float = 1.5
    smoothing: float = 0.2
    long_window: int = 600
    backoff: float = 0.9

    def __post_init__(self) -> None:
        require_whole(self, "min_limit", at_least=1)
        require_whole(self, "initial", at_least=self.min_limit)
        require_whole(self, "max_limit", at_least=self.initial)
        require(self, "window_s", above=0)
        require_whole(self, "min_samples", at_least=1)
        require(self, "queue_size", above=0)
        require(self, "tolerance", at_least=1)
        require(self, "smoothing", above=0, at_most=1)
        require_whole(self, "long_window", at_least=1)
        require(self, "backoff", above=0)
        if self.backoff >= 1:
            raise SettingsError(f"GradientSettings.backoff must be less than 1, got {self.backoff!r}")


def next_limit(settings: GradientSettings, *, limit: float, short_s: float, long_s: float, in_flight: int) -> float:
    """Return the limit after a window: `short_s` is its mean duration, `long_s` the usual one, seconds.

    `in_flight` is the most calls that were in flight in it. Below half of the limit it is not the limit that was tried.
    """
    if in_flight < limit / 2:
        return limit
    gradient = max(LOWEST_GRADIENT, min(1.0, settings.tolerance * long_s / short_s))
    aim = limit * gradient + settings.queue_size
    return min(settings.max_limit, max(settings.min_limit, limit + settings.smoothing * (aim - limit)))


class GradientLimit:
    """Says what the limit should be, without effects: the caller says how long calls took and what time it is."""

    __slots__ = ("_ends_at", "_long_s", "_most", "_sample_s", "_samples", "_settings", "_spared", "_windows", "exact")

    def __init__(self, settings: GradientSettings, *, now: float) -> None:
        self.exact = float(settings.initial)
        self._settings = settings
        self._long_s = 0.0
        self._windows = 0
        self._begin(now, spared=False)

    def _begin(self, now: float, *, spared: bool) -> None:
        self._ends_at = now + self._settings.window_s
        self._samples = self._most = 0
        self._sample_s = 0.0
        self._spared = spared  # the limit has moved already, and keeps still until the window is over

    @property
    def limit(self) -> int:
        """Return the limit, whole calls."""
        return int(self.exact)

    def sample(self, duration_s: float, in_flight: int, now: float) -> None:
        """Take a call that ended well at `now`; `in_flight` counts it, too."""
        self._samples += 1
        self._sample_s += duration_s
        self._most = max(self._most, in_flight)
        if now < self._ends_at or self._samples < self._settings.min_samples:
            return
        # A clock of coarse steps may call a window's calls instant; no duration is 0.
        short_s = max(self._sample_s / self._samples, 1e-9)
        self._learn(short_s)
        if not self._spared:
            self.exact = next_limit(
                self._settings, limit=self.exact, short_s=short_s, long_s=self._long_s, in_flight=self._most
            )
        self._begin(now, spared=False)

    def dropped(self, now: float) -> None:
        """Take a failure at `now`: back off. What fails with it, in the same window, is the same news."""
        if self._spared and now < self._ends_at:
            return
        self._begin(now, spared=True)
        self.exact = max(self._settings.min_limit, self.exact * self._settings.backoff)

    def _learn(self, short_s: float) -> None:
        """Take a window into the usual duration: an exponential mean, a plain one while it is new."""
        self._windows += 1
        long_window = self._settings.long_window
        weight = 2 / (long_window + 1) if self._windows > WARM_UP_WINDOWS else 1 / self._windows
        self._long_s += weight * (short_s - self._long_s)
        if self._long_s > DECAY_ABOVE * short_s:
            self._long_s *= DECAY


class ConcurrencyLimit:
    """Lets as many calls through as a GradientLimit says. Safe for any number of calls at once in one event loop.

    `failures` has no default: it says which errors show that the dependency cannot bear the calls (a 503, a connection
    that is refused); an AttemptTimeout always does. A call that is refused further inside, or cancelled, says nothing.
    """

    def __init__(
        self, link: str, settings: GradientSettings, *, failures: Failures, clock: Clock, listener: Listener
    ) -> None:
        self.link = link
        self.in_flight = 0
        self._gradient = GradientLimit(settings, now=clock.now())
        self._failures = failures
        self._clock = clock
        self._listener = listener
        self._told = settings.initial
        listener(LimitChanged(link, self._told))

    @property
    def limit(self) -> int:
        """Return how many calls may be in flight just now."""
        return self._gradient.limit

    async def call(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Await `operation()`, or raise LimitReached without calling it."""
        limit = self._gradient.limit
        if self.in_flight >= limit:
            self._listener(Refused(self.link, "concurrency_limit", None))
            raise LimitReached(self.link, limit=limit)
        self.in_flight += 1
        began = self._clock.now()
        outcome = Outcome.ABANDONED
        try:
            result = await operation()
            outcome = Outcome.SUCCESS
        except Exception as error:
            outcome = judge(error, self._failures)
            raise
        finally:
            self._ended(outcome, began)
        return result

    def _ended(self, outcome: Outcome, began: float) -> None:
        in_flight, self.in_flight = self.in_flight, self.in_flight - 1
        if outcome is Outcome.SUCCESS:
            now = self._clock.now()
            self._gradient.sample(now - began, in_flight, now)
        elif outcome is Outcome.FAILURE:
            self._gradient.dropped(self._clock.now())
        limit = self._gradient.limit
        if limit != self._told:
            self._told = limit
            self._listener(LimitChanged(self.link, limit))
