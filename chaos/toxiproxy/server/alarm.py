"""A timer that never comes early: a toxic promises `at least`, and an event loop's timers do not keep that."""

import asyncio
from collections.abc import Callable

# A timer further away than this is set again when it fires: event loops overflow on absurd delays.
LONGEST_TIMER_S = 3_600.0
# uvloop counts whole milliseconds and rounds to the nearest; half of one more makes it round up.
HALF_TICK_S = 0.0005


class Alarm:
    """At most one pending callback. `now` is in monotonic seconds."""

    __slots__ = ("_callback", "_due_s", "_handle", "_loop", "_now")

    def __init__(self, loop: asyncio.AbstractEventLoop, now: Callable[[], float], callback: Callable[[], None]) -> None:
        self._loop = loop
        self._now = now
        self._callback = callback
        self._due_s = 0.0
        self._handle: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> bool:
        """Say whether the callback is still to come."""
        return self._handle is not None

    def set(self, due_s: float) -> None:
        """Call back once `now` has reached `due_s`, instead of what was set before."""
        # An alarm that is put off again and again (timeout: by every chunk) keeps its timer and looks when it fires.
        if self._handle is None or due_s < self._due_s:
            self.cancel()
            self._start(due_s - self._now())
        self._due_s = due_s

    def cancel(self) -> None:
        """Forget the pending callback."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _start(self, delay_s: float) -> None:
        delay_s = min(max(delay_s, 0.0) + HALF_TICK_S, LONGEST_TIMER_S)
        self._handle = self._loop.call_later(delay_s, self._fire)

    def _fire(self) -> None:
        remaining_s = self._due_s - self._now()
        if remaining_s > 0:
            self._start(remaining_s)
            return
        self._handle = None
        self._callback()
