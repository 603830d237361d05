"""One direction of one connection: source socket, a stage per toxic, destination socket.

With no toxic a chunk goes straight to the destination's `write`. With toxics, what they hold is bounded: the source is
not read while a stage is full or the destination does not keep up, so the sender feels it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from chaos.toxiproxy.server.meter import Traffic
from chaos.toxiproxy.server.runtime import Runtime
from chaos.toxiproxy.server.toxics import TYPES
from chaos.toxiproxy.server.toxics.base import Bench, Sink, Stage, Toxic

# The original copies in pieces of this size, and each toxic works a piece at a time.
CHUNK_BYTES = 32 * 1_024


def _nothing() -> None:
    """Do nothing."""


class _Outlet:
    """The end of the chain: the destination socket.

    `cuts`: the end closes the whole socket once it has sent what it has. Otherwise only its writing side is shut.
    """

    def __init__(self, destination: asyncio.Transport, traffic: Traffic, on_end: Callable[[], None]) -> None:
        self._destination = destination
        self._traffic = traffic
        self._on_end = on_end
        self.cuts = False
        self.ended = False

    def feed(self, data: bytes, at_s: float) -> None:  # noqa: ARG002 - a socket has no use for the instant
        """Write; a socket that is closing takes nothing more."""
        if not self._destination.is_closing() and not self.ended:
            self._traffic.sent += len(data)
            self._destination.write(data)

    def end(self) -> None:
        """Pass the end on."""
        self.ended = True
        if self.cuts:
            self._destination.close()
        elif not self._destination.is_closing():
            self._destination.write_eof()
        self._on_end()

    def cut(self) -> None:
        """Let the end, also one that has passed already, close the socket."""
        self.cuts = True
        if self.ended:
            self._destination.close()


class Link:
    """Data of one direction. `source` is read, `destination` is written.

    `reset` makes the connection close by RST; `on_end` is called when the end of the stream has passed.
    """

    def __init__(
        self,
        source: asyncio.Transport,
        destination: asyncio.Transport,
        toxics: Sequence[Toxic],
        runtime: Runtime,
        *,
        traffic: Traffic | None = None,
        reset: Callable[[], None] = _nothing,
        on_end: Callable[[], None] = _nothing,
    ) -> None:
        self._source = source
        self._destination = destination
        self.traffic = Traffic() if traffic is None else traffic
        self._outlet = _Outlet(destination, self.traffic, on_end)
        # The original knows no half-close: there every end closes the destination whole.
        self._outlet.cuts = runtime.strict
        self._bench = Bench(
            runtime.loop, runtime.now, runtime.rng, self.regulate, self._outlet.cut, reset, strict=runtime.strict
        )
        self._stages: list[Stage[Any]] = []
        self._destination_full = False
        self._reading = True
        self._ended = False
        for toxic in toxics:
            self.add(toxic)

    @property
    def ended(self) -> bool:
        """Say whether the end of the stream has reached the destination."""
        return self._outlet.ended

    def feed(self, data: bytes) -> None:
        """Take what the source sent."""
        size = len(data)
        self.traffic.received += size
        if not self._stages:
            if not self._destination.is_closing():
                self.traffic.sent += size
                self._destination.write(data)
            return
        at_s = self._bench.now()
        first = self._stages[0]
        if size <= CHUNK_BYTES:
            first.feed(data, at_s)
        else:
            for start in range(0, size, CHUNK_BYTES):
                first.feed(data[start : start + CHUNK_BYTES], at_s)
        self.regulate()

    def end(self, *, cut: bool = False) -> None:
        """Take the end of the source; a second one only counts for `cut`: the source is gone, to read and to write."""
        if cut:
            self._outlet.cut()
        if not self._ended:
            self._ended = True
            self._first.end()

    def add(self, toxic: Toxic) -> None:
        """Put a toxic at the end of the chain; it sees what leaves the others from now on."""
        stage: Stage[Any] = TYPES[toxic.type].stage(toxic, self._bench, self._outlet)
        # Where the end has passed already, nothing is left for the new toxic to work on.
        stage.ended = self._stages[-1].ended if self._stages else self._ended
        if self._stages:
            self._stages[-1].sink = stage
        self._stages.append(stage)
        if not stage.ended:
            stage.begin()

    def update(self, toxic: Toxic) -> None:
        """Let a toxic's stage work by what the toxic now says."""
        for stage in self._stages:
            if stage.toxic is toxic:
                stage.update()
        self.regulate()

    def remove(self, toxic: Toxic) -> None:
        """Take a toxic out. What it holds goes on through the toxics behind it, at once."""
        for index, stage in enumerate(self._stages):
            if stage.toxic is not toxic:
                continue
            stage.remove()
            # A stage that has ended its stream stays, as a plug: nothing may pass behind the end.
            if not stage.ended:
                if index:
                    self._stages[index - 1].sink = stage.sink
                del self._stages[index]
            break
        self.regulate()

    def destination_full(self, *, full: bool) -> None:
        """Stop or go on reading the source, as the destination's buffer fills or empties."""
        self._destination_full = full
        self.regulate()

    def regulate(self) -> None:
        """Read the source if, and only if, there is room for what it sends."""
        reading = not self._destination_full and not any(stage.full for stage in self._stages)
        if reading == self._reading or self._ended or self._source.is_closing():
            return
        self._reading = reading
        if reading:
            self._source.resume_reading()
        else:
            self._source.pause_reading()

    def cancel(self) -> None:
        """Stop every alarm and drop what is held: the connection is gone."""
        self._ended = True
        for stage in self._stages:
            stage.ended = True
            stage.cancel()
        self._stages.clear()

    @property
    def _first(self) -> Sink:
        return self._stages[0] if self._stages else self._outlet
