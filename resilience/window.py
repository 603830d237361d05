"""The failures of the last seconds, counted at constant cost.

A ring of counters, not a list of calls: memory and time a call do not grow with the rate.
"""

BUCKETS = 10


class TimeWindow:
    """Calls and failures of the last `window_s` seconds, to a tenth of it: between 90 % and 100 % of the window."""

    __slots__ = ("_bucket_calls", "_bucket_failures", "_tick", "_ticks_per_s", "calls", "failures")

    def __init__(self, window_s: float, *, now: float) -> None:
        self.calls = 0
        self.failures = 0
        self._ticks_per_s = BUCKETS / window_s
        self._tick = int(now * self._ticks_per_s)
        self._bucket_calls = [0] * BUCKETS
        self._bucket_failures = [0] * BUCKETS

    def add(self, now: float, *, failed: bool) -> None:
        """Count a call that ended at `now`, and forget what has left the window."""
        tick = int(now * self._ticks_per_s)
        if tick != self._tick:
            self._advance(tick)
        bucket = tick % BUCKETS
        self.calls += 1
        self._bucket_calls[bucket] += 1
        if failed:
            self.failures += 1
            self._bucket_failures[bucket] += 1

    def _advance(self, tick: int) -> None:
        # After a long silence one round empties the ring.
        for passed in range(max(self._tick + 1, tick - BUCKETS + 1), tick + 1):
            bucket = passed % BUCKETS
            self.calls -= self._bucket_calls[bucket]
            self.failures -= self._bucket_failures[bucket]
            self._bucket_calls[bucket] = self._bucket_failures[bucket] = 0
        self._tick = tick
