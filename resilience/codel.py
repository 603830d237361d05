"""CoDel: tell a queue that stands from a queue that works, and shorten only the one that stands.

A burst fills a queue and is gone a moment later; that queue does its work. A standing queue never drains: everybody
waits, nobody gains. The two differ in the shortest delay of an interval: a queue that drains has let somebody through
at once. This is the server's variant (folly, executors/Codel.cpp), not the network's with its square root: while the
queue stands, whoever waited more than twice the target is dropped.
"""

from dataclasses import dataclass

from resilience.bounds import require

DROP_ABOVE_TARGETS = 2.0


@dataclass(frozen=True, slots=True)
class CoDelSettings:
    """`target_s`: the delay, in seconds, that a queue may always have, more than 0.

    `interval_s`: seconds over which the shortest delay is looked for, more than 0; it must be longer than the time
    between two requests that leave the queue, or nothing is ever dropped. The defaults are Facebook's.
    """

    target_s: float = 0.005
    interval_s: float = 0.1

    def __post_init__(self) -> None:
        require(self, "target_s", above=0)
        require(self, "interval_s", above=0)


class CoDel:
    """Judges delays, without effects: the caller says what time it is."""

    __slots__ = ("_drop_above_s", "_ends_at", "_minimum_s", "_settings", "overloaded")

    def __init__(self, settings: CoDelSettings, *, now: float) -> None:
        self.overloaded = False  # the queue stood for the whole of the last interval
        self._settings = settings
        self._drop_above_s = DROP_ABOVE_TARGETS * settings.target_s
        self._minimum_s = 0.0
        self._ends_at = now + settings.interval_s

    def drop(self, delay_s: float, now: float) -> bool:
        """Take the delay of the longest waiting request at `now`; return whether it should be dropped.

        The first delay of an interval opens it and is never dropped: one request alone shows no standing queue.
        """
        if delay_s <= 0.0:
            self.empty()
            return False
        if now >= self._ends_at:
            self.overloaded = self._minimum_s > self._settings.target_s
            self._ends_at = now + self._settings.interval_s
            self._minimum_s = delay_s
            return False
        self._minimum_s = min(self._minimum_s, delay_s)
        return self.overloaded and delay_s > self._drop_above_s

    def empty(self) -> None:
        """Take it that a request did not have to wait at all: whatever stood is gone, and this interval is good."""
        self.overloaded = False
        self._minimum_s = 0.0
