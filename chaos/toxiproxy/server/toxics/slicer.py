"""slicer: data leaves in small pieces, with a delay after each."""

import asyncio
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.toxiproxy.server.errors import bad_body
from chaos.toxiproxy.server.toxics.attributes import Attributes
from chaos.toxiproxy.server.toxics.base import Bench, Sink, Stage, Toxic

US = 0.000_001
# The original reads one chunk (32 KiB) ahead. Holding more would hide the slowness from the sender.
HELD_BYTES_MAX = 32 * 1_024


@dataclass(frozen=True)
class SlicerAttributes(Attributes):
    """Pieces of about `average_size` bytes, give or take `size_variation`; `delay` MICROseconds after each."""

    GO_TYPE: ClassVar[str] = "int"

    average_size: int = 0
    size_variation: int = 0
    delay: int = 0

    def check(self) -> None:
        """Refuse sizes at which the original cuts for ever. Raises ApiError."""
        super().check()
        if self.average_size == 0:
            raise bad_body("attribute average_size must be at least 1: into pieces of no size nothing can be cut")
        if self.size_variation >= self.average_size:
            raise bad_body(
                f"attribute size_variation must be below average_size ({self.average_size}), not {self.size_variation}"
            )


def pieces(data: bytes, average: int, variation: int, rng: random.Random) -> Iterator[bytes]:
    """Yield data in pieces of at most `average + variation`: halved, at a moved middle, until small enough."""
    # Sizes that end the original leave the data whole. Halves on a stack: recursion would be as deep as data is long.
    if average < 1 or variation >= average:
        yield data
        return
    rest = [(0, len(data))]
    while rest:
        start, end = rest.pop()
        if end - start - average <= variation:
            yield data[start:end]
            continue
        middle = start + (end - start) // 2
        if variation > 0:
            middle += rng.randrange(-variation, variation)
        rest.extend([(middle, end), (start, middle)])


class SlicerStage(Stage[SlicerAttributes]):
    """A queue of pieces of the chunk at work, behind it whole chunks; one piece a turn of the event loop.

    In one turn the loop would join them again into one write.
    """

    def __init__(self, toxic: Toxic, bench: Bench, sink: Sink) -> None:
        super().__init__(toxic, bench, sink)
        self._pieces: deque[bytes] = deque()
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._at_s = 0.0  # When the chunk at work arrived.
        self._due_s = 0.0
        self._held_bytes = 0
        self._end_waits = False
        self._alarm = bench.alarm(self._on_alarm)
        self._turn: asyncio.TimerHandle | None = None

    @property
    def full(self) -> bool:
        """Say whether enough is held."""
        return self._held_bytes >= HELD_BYTES_MAX

    @property
    def _waiting(self) -> bool:
        return self._alarm.pending or self._turn is not None

    def on_data(self, data: bytes, at_s: float) -> None:
        """Queue the chunk; its first piece leaves in this call if nothing is before it."""
        self._chunks.append((at_s, data))
        self._held_bytes += len(data)
        if not self._waiting:
            self._due_s = self.bench.now()
            self._send_one()

    def on_end(self) -> None:
        """Let the end wait behind the queue and the last piece's delay."""
        if self._waiting:
            self._end_waits = True
        else:
            self.finish()

    def on_update(self) -> None:
        """Send the rest of the chunk at work as it is, and cut what comes after by the new sizes."""
        self._send_rest()
        if self._chunks and not self._waiting:
            self._due_s = self.bench.now()
            self._send_one()
        elif self._end_waits and not self._waiting:
            self.finish()

    def release(self) -> None:
        """Send everything at once."""
        self._send_rest()
        while self._chunks:
            at_s, data = self._chunks.popleft()
            self._held_bytes -= len(data)
            self.sink.feed(data, at_s)
        if self._end_waits:
            self.finish()

    def cancel(self) -> None:
        """Drop the queue."""
        self._stop_waiting()
        self._pieces.clear()
        self._chunks.clear()
        self._held_bytes = 0

    def _stop_waiting(self) -> None:
        self._alarm.cancel()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _send_rest(self) -> None:
        self._stop_waiting()
        rest = b"".join(self._pieces)
        self._pieces.clear()
        if rest:
            self._held_bytes -= len(rest)
            self.sink.feed(rest, self._at_s)

    def _on_alarm(self) -> None:
        self._turn = None
        self._send_one()
        self.bench.moved()

    def _send_one(self) -> None:
        """Send the next piece and wait for its delay; with nothing left, pass a waiting end."""
        if not self._pieces and self._chunks:
            given = self.attributes
            self._at_s, data = self._chunks.popleft()
            self._pieces.extend(pieces(data, given.average_size, given.size_variation, self.bench.rng))
        if not self._pieces:
            if self._end_waits:
                self.finish()
            return
        piece = self._pieces.popleft()
        self._held_bytes -= len(piece)
        self._due_s += max(self.attributes.delay, 0) * US
        self._wait()
        if piece:
            self.sink.feed(piece, self._at_s)

    def _wait(self) -> None:
        if self._due_s > self.bench.now():
            self._alarm.set(self._due_s)
        else:
            self._turn = self.bench.loop.call_later(0.0, self._on_alarm)
