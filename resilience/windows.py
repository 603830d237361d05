"""What a circuit breaker looks back on: the failures in a row, the last calls, or the last seconds.

A window is a frozen record of settings. Behind each is a counter without clock or effects, of constant memory and
constant time a call: rings of counters, not lists of calls. A rate is compared as failures / calls, because 7 / 100 is
the number that 0.07 stands for, and 0.07 * 100 is a little more than 7.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

from resilience.bounds import require, require_whole
from resilience.errors import SettingsError

BUCKETS = 10


class Counter(Protocol):
    """What a window counts with. `slow` says that a call took its `slow_s` or longer, however it ended."""

    def add(self, now: float, *, failed: bool, slow: bool) -> None:
        """Count a call that ended at `now`."""
        ...

    def tripped(self) -> bool:
        """Return whether what is counted now is too much."""
        ...


@dataclass(frozen=True, slots=True)
class ConsecutiveFailures:
    """Too much is `failures` failures without a success between them, at least 1. It knows no slow calls."""

    failures: int
    slow_s: ClassVar[None] = None

    def __post_init__(self) -> None:
        require_whole(self, "failures", at_least=1)


@dataclass(frozen=True, slots=True)
class CountWindow:
    """Too much is a share of the last `calls` calls, at least 1 (a byte of memory each).

    `min_calls`: below this many it says nothing, at least 1, at most `calls`. `failure_rate`: the share of failures
    that is too much, more than 0, at most 1. `slow_s` and `slow_rate`, both or neither: a call of `slow_s` seconds or
    longer (more than 0) is slow, however it ended, and this share of slow calls (more than 0, at most 1) is too much.
    """

    calls: int
    min_calls: int
    failure_rate: float
    slow_s: float | None = None
    slow_rate: float | None = None

    def __post_init__(self) -> None:
        require_whole(self, "calls", at_least=1)
        _require_shares(self)
        if self.min_calls > self.calls:
            raise SettingsError(f"CountWindow.min_calls must be at most calls ({self.calls}), got {self.min_calls}")


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Too much is a share of the calls of the last `window_s` seconds, more than 0.

    It looks back to a tenth: on more than 90 % and at most 100 % of `window_s`. The other fields are CountWindow's.
    """

    window_s: float
    min_calls: int
    failure_rate: float
    slow_s: float | None = None
    slow_rate: float | None = None

    def __post_init__(self) -> None:
        require(self, "window_s", above=0)
        _require_shares(self)


Window = ConsecutiveFailures | CountWindow | TimeWindow


def counter_of(window: Window, *, now: float) -> Counter:
    """Return what `window` counts with, empty."""
    if isinstance(window, ConsecutiveFailures):
        return FailuresInARow(window)
    return LastCalls(window) if isinstance(window, CountWindow) else LastSeconds(window, now=now)


def _require_shares(window: CountWindow | TimeWindow) -> None:
    require_whole(window, "min_calls", at_least=1)
    require(window, "failure_rate", above=0, at_most=1)
    if (window.slow_s is None) is not (window.slow_rate is None):
        raise SettingsError(f"{type(window).__name__}.slow_s and slow_rate come together or not at all")
    if window.slow_s is not None:
        require(window, "slow_s", above=0)
        require(window, "slow_rate", above=0, at_most=1)


class FailuresInARow:
    """The counter of ConsecutiveFailures."""

    __slots__ = ("_too_many", "failures")

    def __init__(self, settings: ConsecutiveFailures) -> None:
        self.failures = 0
        self._too_many = settings.failures

    def add(self, _now: float, *, failed: bool, slow: bool) -> None:  # noqa: ARG002 -- it knows no slow calls
        """Count a failure, or begin anew."""
        self.failures = self.failures + 1 if failed else 0

    def tripped(self) -> bool:
        """Return whether there are too many in a row."""
        return self.failures >= self._too_many


class Shares:
    """The counts that the two sliding windows keep, and when they are too much."""

    __slots__ = ("_failure_rate", "_min_calls", "_slow_rate", "calls", "failures", "slow")

    def __init__(self, settings: CountWindow | TimeWindow) -> None:
        self.calls = self.failures = self.slow = 0
        self._min_calls = settings.min_calls
        self._failure_rate = settings.failure_rate
        self._slow_rate = settings.slow_rate or math.inf

    def tripped(self) -> bool:
        """Return whether enough calls are in the window and too many of them failed, or were slow."""
        calls = self.calls
        if calls < self._min_calls:
            return False
        return self.failures / calls >= self._failure_rate or self.slow / calls >= self._slow_rate


class LastCalls(Shares):
    """The counter of CountWindow: a ring with a place for each call."""

    __slots__ = ("_next", "_ring", "_size")

    def __init__(self, settings: CountWindow) -> None:
        super().__init__(settings)
        self._size = settings.calls
        self._ring = bytearray(self._size)  # 1 for a failure, 2 for a slow call, 3 for both
        self._next = 0

    def add(self, _now: float, *, failed: bool, slow: bool) -> None:
        """Count a call in the place of the oldest."""
        ring, place = self._ring, self._next
        oldest = ring[place]
        ring[place] = failed + 2 * slow
        self.failures += failed - (oldest & 1)
        self.slow += slow - (oldest >> 1)
        self._next = place + 1 if place + 1 < self._size else 0
        if self.calls < self._size:
            self.calls += 1


class LastSeconds(Shares):
    """The counter of TimeWindow: a ring with a place for each tenth of the window."""

    __slots__ = ("_rings", "_tick", "_ticks_per_s")

    def __init__(self, settings: TimeWindow, *, now: float) -> None:
        super().__init__(settings)
        self._ticks_per_s = BUCKETS / settings.window_s
        self._tick = int(now * self._ticks_per_s)
        # Calls, failures, slow calls.
        self._rings = ([0] * BUCKETS, [0] * BUCKETS, [0] * BUCKETS)

    def add(self, now: float, *, failed: bool, slow: bool) -> None:
        """Count a call that ended at `now`, and forget what has left the window."""
        tick = int(now * self._ticks_per_s)
        if tick != self._tick:
            self._advance(tick)
        place = tick % BUCKETS
        calls, failures, slows = self._rings
        self.calls += 1
        calls[place] += 1
        if failed:
            self.failures += 1
            failures[place] += 1
        if slow:
            self.slow += 1
            slows[place] += 1

    def _advance(self, tick: int) -> None:
        calls, failures, slows = self._rings
        # After a long silence one round empties the ring.
        for passed in range(max(self._tick + 1, tick - BUCKETS + 1), tick + 1):
            place = passed % BUCKETS
            self.calls -= calls[place]
            self.failures -= failures[place]
            self.slow -= slows[place]
            calls[place] = failures[place] = slows[place] = 0
        self._tick = tick
