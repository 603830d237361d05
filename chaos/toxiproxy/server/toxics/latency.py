"""latency: every chunk leaves at its arrival plus the delay.

Chunks are under way side by side: ten messages 20 ms apart stay 20 ms apart, and a delay costs no bandwidth until a
connection holds its bound.
"""

from collections import deque
from dataclasses import dataclass

from chaos.toxiproxy.server.toxics.attributes import Attributes
from chaos.toxiproxy.server.toxics.base import Bench, Sink, Stage, Toxic

MS = 0.001
# The original keeps 1024 chunks of up to 32 KiB, then stops reading; both bounds hold here.
HELD_CHUNKS_MAX = 1_024
HELD_BYTES_MAX = 32 * 1_024 * 1_024


@dataclass(frozen=True)
class LatencyAttributes(Attributes):
    """Delay `latency` ms, plus a whole number of ms drawn evenly from [-jitter, jitter)."""

    latency: int = 0
    jitter: int = 0


class LatencyStage(Stage[LatencyAttributes]):
    """A queue of (arrival, chunk) and one alarm, for its head."""

    def __init__(self, toxic: Toxic, bench: Bench, sink: Sink) -> None:
        super().__init__(toxic, bench, sink)
        self._queue: deque[tuple[float, bytes]] = deque()
        self._held_bytes = 0
        self._due_s = 0.0  # When the head of the queue leaves.
        self._end_waits = False
        self._alarm = bench.alarm(self._on_alarm)

    @property
    def full(self) -> bool:
        """Say whether one more chunk would pass a bound."""
        return len(self._queue) >= HELD_CHUNKS_MAX or self._held_bytes >= HELD_BYTES_MAX

    def on_data(self, data: bytes, at_s: float) -> None:
        """Queue the chunk. One that is not delayed by a positive time, with nothing before it, leaves in this call."""
        self._queue.append((at_s, data))
        self._held_bytes += len(data)
        if len(self._queue) == 1:
            self._due_s = at_s + self._delay_s()
            self._send_due()

    def on_end(self) -> None:
        """Let the end wait behind the queue; it is not delayed itself."""
        if self._queue:
            self._end_waits = True
        else:
            self.finish()

    def on_update(self) -> None:
        """Send the head at once and time the others by the new attributes."""
        if self._queue:
            self._alarm.cancel()
            self._due_s = self.bench.now()
            self._send_due()

    def release(self) -> None:
        """Send the whole queue at once."""
        self._alarm.cancel()
        while self._queue:
            at_s, data = self._queue.popleft()
            self._held_bytes -= len(data)
            self.sink.feed(data, at_s)
        if self._end_waits:
            self.finish()

    def cancel(self) -> None:
        """Drop the queue."""
        self._alarm.cancel()
        self._queue.clear()
        self._held_bytes = 0

    def _delay_s(self) -> float:
        jitter = self.attributes.jitter
        drawn = self.bench.rng.randrange(-jitter, jitter) if jitter > 0 else 0
        return (self.attributes.latency + drawn) * MS

    def _on_alarm(self) -> None:
        self._send_due()
        self.bench.moved()

    def _send_due(self) -> None:
        now_s = self.bench.now()
        while self._queue and self._due_s <= now_s:
            _, data = self._queue.popleft()
            self._held_bytes -= len(data)
            # A latency toxic further down the chain counts from the delayed instant, so two of them add up.
            self.sink.feed(data, self._due_s)
            if self._queue:
                self._due_s = self._queue[0][0] + self._delay_s()
        if self._queue:
            self._alarm.set(self._due_s)
        elif self._end_waits:
            self.finish()
