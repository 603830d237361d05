"""How late the event loop runs: what blocks it is seen from inside the process, where averages would hide it."""

import asyncio

from resilience.metrics_histogram import DurationHistogram

# A 1 s probe misses a block of 100 ms; this one sees at least 75 ms of it. Each 10 ms was 1.5 % of a core for a process
# that does nothing else, and there are 15 of them beside the generator; this is 0.8 %.
INTERVAL_S = 0.025
# 1 ms x 2^n to 8.2 s.
LAG_BUCKETS_S = tuple(0.001 * 2**n for n in range(14))
WINDOW_S = 1.0


class LagProbe:
    """Asks the loop to call back every 25 ms and puts each delay into `lags`."""

    def __init__(self, lags: DurationHistogram) -> None:
        self._lags = lags
        self._handle: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        # The worst of this window, and of the one before.
        self._worst_s = (0.0, 0.0)
        self._window_ends_s = 0.0

    def start(self) -> None:
        """Begin, on the running loop."""
        loop = asyncio.get_running_loop()
        self._window_ends_s = loop.time() + WINDOW_S
        self._schedule(loop)

    def stop(self) -> None:
        """End; may be called twice."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def max_s(self) -> float:
        """Return the worst lag of the last one to two windows, in seconds; any number of readers get the same."""
        return max(self._worst_s)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due_s = loop.time() + INTERVAL_S
        self._handle = loop.call_later(INTERVAL_S, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        # A loop of whole milliseconds may call back a moment early.
        lag_s = max(0.0, now_s - self._due_s)
        self._lags.observe(lag_s)
        worst_s, before_s = self._worst_s
        if now_s >= self._window_ends_s:
            worst_s, before_s = 0.0, worst_s
            self._window_ends_s = now_s + WINDOW_S
        self._worst_s = (max(worst_s, lag_s), before_s)
        self._schedule(loop)
