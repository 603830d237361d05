"""bandwidth: data passes at a limited rate, per connection and stream."""

from collections import deque
from dataclasses import dataclass

from chaos.toxiproxy.server.toxics.attributes import Attributes
from chaos.toxiproxy.server.toxics.base import Bench, Sink, Stage, Toxic

SLICE_S = 0.1
# The original reads one chunk (32 KiB) ahead. Holding more would hide the slowness from the sender.
HELD_BYTES_MAX = 32 * 1_024


@dataclass(frozen=True)
class BandwidthAttributes(Attributes):
    """`rate` KB/s (1 KB is 1000 bytes); at 0 nothing passes."""

    rate: int = 0


class BandwidthStage(Stage[BandwidthAttributes]):
    """A queue whose head is paid for in time.

    `_debt_s` is the time that the bytes sent and the head still cost. A chunk longer than 100 ms of the rate leaves in
    pieces of that length. Time waited too long lowers the debt of what follows, so the rate is right over many chunks.
    """

    def __init__(self, toxic: Toxic, bench: Bench, sink: Sink) -> None:
        super().__init__(toxic, bench, sink)
        self._queue: deque[bytes] = deque()
        self._held_bytes = 0
        self._debt_s = 0.0
        self._waiting_since_s = 0.0
        self._end_waits = False
        self._alarm = bench.alarm(self._on_alarm)

    @property
    def full(self) -> bool:
        """Say whether enough is held."""
        return self._held_bytes >= HELD_BYTES_MAX

    def on_data(self, data: bytes, at_s: float) -> None:  # noqa: ARG002 - the rate counts from now, not from arrival
        """Queue the chunk."""
        self._queue.append(data)
        self._held_bytes += len(data)
        if len(self._queue) == 1:
            self._take_head()

    def on_end(self) -> None:
        """Let the end wait behind the queue."""
        if self._queue:
            self._end_waits = True
        else:
            self.finish()

    def on_update(self) -> None:
        """Send the head at once and go on at the new rate."""
        self._alarm.cancel()
        self._debt_s = 0.0
        if self._queue:
            self._send(len(self._queue[0]))
            self._take_head()

    def release(self) -> None:
        """Send the whole queue at once."""
        self._alarm.cancel()
        while self._queue:
            self._send(len(self._queue[0]))
        if self._end_waits:
            self.finish()

    def cancel(self) -> None:
        """Drop the queue."""
        self._alarm.cancel()
        self._queue.clear()
        self._held_bytes = 0

    @property
    def _slice_bytes(self) -> int:
        return self.attributes.rate * 100

    def _take_head(self) -> None:
        """Charge for the head of the queue and wait, or send it and charge for the next."""
        rate_bytes_per_s = self.attributes.rate * 1_000
        while self._queue and rate_bytes_per_s > 0:
            self._debt_s += len(self._queue[0]) / rate_bytes_per_s
            if self._debt_s > 0 or len(self._queue[0]) > self._slice_bytes:
                self._wait()
                return
            self._send(len(self._queue[0]))
        if not self._queue and self._end_waits:
            self.finish()

    def _wait(self) -> None:
        self._waiting_since_s = self.bench.now()
        wait_s = SLICE_S if len(self._queue[0]) > self._slice_bytes else self._debt_s
        self._alarm.set(self._waiting_since_s + wait_s)

    def _on_alarm(self) -> None:
        waited_s = self.bench.now() - self._waiting_since_s
        self._debt_s -= waited_s
        if len(self._queue[0]) > self._slice_bytes:
            self._send(self._slice_bytes)
            self._wait()
        else:
            self._send(len(self._queue[0]))
            self._take_head()
        self.bench.moved()

    def _send(self, size: int) -> None:
        head = self._queue.popleft()
        if size < len(head):
            self._queue.appendleft(head[size:])
        self._held_bytes -= min(size, len(head))
        self.sink.feed(head[:size], self.bench.now())
