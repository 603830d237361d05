"""How late the event loop runs: what blocks it is seen from inside the process, where averages would hide it."""

import asyncio

# A 1 s probe misses a block of 100 ms; a 10 ms probe sees it.
INTERVAL_S = 0.010


class LagProbe:
    """Asks the loop to call back every 10 ms and keeps the worst delay."""

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self._max_s = 0.0

    def start(self) -> None:
        """Begin, on the running loop."""
        self._schedule(asyncio.get_running_loop())

    def stop(self) -> None:
        """End; may be called twice."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def take_max_s(self) -> float:
        """Return the worst lag since the last call, in seconds. Two scrapers would share one series of maxima."""
        worst, self._max_s = self._max_s, 0.0
        return worst

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due_s = loop.time() + INTERVAL_S
        self._handle = loop.call_later(INTERVAL_S, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._max_s = max(self._max_s, loop.time() - self._due_s)
        self._schedule(loop)
