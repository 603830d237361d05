"""What every toxic is made of: its attributes, and a stage that works on one direction of one connection.

    source socket -> stage -> stage -> outlet -> destination socket

A stage is pushed: `feed` hands it a chunk with the instant at which the chunk arrived, `end` says that no more comes.
It hands both on to its `sink`, at once or from an alarm, always in order. Nothing here sleeps.

To write a toxic: frozen Attributes (see attributes.py), a Stage with `on_data`, a line in TYPES.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, Protocol, TypeVar, cast

from chaos.toxiproxy.server.alarm import Alarm
from chaos.toxiproxy.server.printing import plain_number
from chaos.toxiproxy.server.toxics.attributes import Attributes


@dataclass
class Tally:
    """How often a toxic acted: connections of which it touched anything, and chunks. It outlives the toxic."""

    connections: int = 0
    chunks: int = 0


@dataclass
class Toxic:
    """One toxic of one proxy. An update changes it in place, under the stages that read it."""

    name: str
    type: str
    stream: str
    toxicity: float
    attributes: Attributes
    ttl_s: float = 0.0  # 0: it stays until it is taken out.
    tally: Tally = field(default_factory=Tally)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object, keys in the order of the original."""
        return {
            "attributes": {name: plain_number(value) for name, value in asdict(self.attributes).items()},
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": plain_number(self.toxicity),
            **({"ttl_s": plain_number(self.ttl_s)} if self.ttl_s else {}),
        }


class Sink(Protocol):
    """Where a stage hands its data."""

    def feed(self, data: bytes, at_s: float) -> None:
        """Take a chunk that arrived, or counts as arrived, at `at_s`."""

    def end(self) -> None:
        """Take the end of the stream, behind everything fed before."""


@dataclass(frozen=True)
class Bench:
    """What a stage works with.

    `now` is monotonic seconds. `moved` tells the link that a stage holds less, `cut` that the end which follows is the
    connection's and not only the stream's, `reset` that the connection has to close by RST.
    """

    loop: asyncio.AbstractEventLoop
    now: Callable[[], float]
    rng: random.Random
    moved: Callable[[], None]
    cut: Callable[[], None] = lambda: None
    reset: Callable[[], None] = lambda: None
    strict: bool = False

    def alarm(self, callback: Callable[[], None]) -> Alarm:
        """Return an alarm of this loop."""
        return Alarm(self.loop, self.now, callback)


A = TypeVar("A", bound=Attributes)


class Stage(ABC, Generic[A]):
    """One toxic on one direction of one connection.

    Toxicity is rolled here: when the stage is made (with the connection, or when the toxic is added to it) and again at
    each update. A stage whose roll failed passes everything on.
    """

    def __init__(self, toxic: Toxic, bench: Bench, sink: Sink) -> None:
        self.toxic = toxic
        self.bench = bench
        self.sink = sink
        self.ended = False
        self.active = self._roll()
        self._touched = False

    @property
    def attributes(self) -> A:
        """Return the toxic's attributes as they are now."""
        return cast("A", self.toxic.attributes)

    @property
    def full(self) -> bool:
        """Say whether the source must not be read further for now."""
        return False

    def begin(self) -> None:
        """Start what runs without data, such as a timeout."""

    def feed(self, data: bytes, at_s: float) -> None:
        """Take a chunk; after the end there are none."""
        if self.ended:
            return
        if self.active:
            if not self._touched:
                self._touch()
            self.toxic.tally.chunks += 1
            self.on_data(data, at_s)
        else:
            self.sink.feed(data, at_s)

    def end(self) -> None:
        """Take the end of the source's data."""
        if self.ended:
            return
        if self.active:
            self.on_end()
            # Most let an end pass: that is no deed.
            if not self.ended and not self._touched:
                self._touch()
        else:
            self.finish()

    def finish(self) -> None:
        """End the stream here and now: nothing that comes later is passed on."""
        if not self.ended:
            self.ended = True
            self.cancel()
            self.sink.end()

    def close(self) -> None:
        """End the whole connection behind what the toxics further down hold."""
        if not self.ended:
            self.bench.cut()
            self.finish()

    def update(self) -> None:
        """Work by the toxic's new attributes and toxicity from now on."""
        if self.ended:
            return
        self.active = self._roll()
        if self.active:
            self.on_update()
        else:
            self.release()

    def remove(self) -> None:
        """Hand on what is held, at once: the toxic is being taken out of the chain."""
        self.release()

    @abstractmethod
    def on_data(self, data: bytes, at_s: float) -> None:
        """Treat a chunk."""

    def on_end(self) -> None:
        """Treat the end of the stream."""
        self.finish()

    def on_update(self) -> None:
        """Treat new attributes."""

    def release(self) -> None:
        """Hand on everything held, and the end if it is waiting behind it."""

    def cancel(self) -> None:
        """Stop alarms and drop what is held: the stream or the connection has ended."""

    def _touch(self) -> None:
        self._touched = True
        self.toxic.tally.connections += 1

    def _roll(self) -> bool:
        return self.bench.rng.random() < self.toxic.toxicity
