"""What every toxic is made of: its attributes, and a stage that works on one direction of one connection.

    source socket -> stage -> stage -> outlet -> destination socket

A stage is pushed: `feed` hands it a chunk with the instant at which the chunk arrived, `end` says that no more comes.
It hands both on to its `sink`, at once or from an alarm, always in order. Nothing here sleeps.

To write a toxic: frozen Attributes whose fields are its JSON attributes, a Stage with `on_data`, a line in TYPES.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, Generic, Protocol, Self, TypeVar, cast

from chaos.toxiproxy.server.alarm import Alarm
from chaos.toxiproxy.server.bodies import Fields, plain_number
from chaos.toxiproxy.server.errors import bad_body


@dataclass(frozen=True)
class Attributes:
    """The settings of a toxic, whole numbers named as in the JSON; the default of each is 0."""

    @classmethod
    def read(cls, given: Fields, current: "Attributes | None" = None) -> Self:
        """Return `current` (or the defaults) with the given attributes changed.

        Raises:
            ApiError: an attribute is no integer, or outside its bounds.
        """
        names = [field.name for field in fields(cls)]
        return cls(**{name: given.integer(name, getattr(current, name, 0)) for name in names})


def refuse_outside(name: str, value: int, bounds: range) -> None:
    """Raise ApiError unless `value` is within `bounds`: the original crashes outside them."""
    if value not in bounds:
        raise bad_body(f"attribute {name} must be from {bounds.start} to {bounds.stop - 1}, not {value}")


@dataclass
class Toxic:
    """One toxic of one proxy. An update changes it in place, under the stages that read it."""

    name: str
    type: str
    stream: str
    toxicity: float
    attributes: Attributes

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object, keys in the order of the original."""
        return {
            "attributes": asdict(self.attributes),
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": plain_number(self.toxicity),
        }


class Sink(Protocol):
    """Where a stage hands its data."""

    def feed(self, data: bytes, at_s: float) -> None:
        """Take a chunk that arrived, or counts as arrived, at `at_s`."""

    def end(self) -> None:
        """Take the end of the stream, behind everything fed before."""


@dataclass(frozen=True)
class Bench:
    """What a stage works with. `now` is monotonic seconds; `moved` tells the link that a stage holds less."""

    loop: asyncio.AbstractEventLoop
    now: Callable[[], float]
    rng: random.Random
    moved: Callable[[], None]

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
            self.on_data(data, at_s)
        else:
            self.sink.feed(data, at_s)

    def end(self) -> None:
        """Take the end of the source's data."""
        if self.ended:
            return
        if self.active:
            self.on_end()
        else:
            self.finish()

    def finish(self) -> None:
        """End the stream here and now: nothing that comes later is passed on."""
        if not self.ended:
            self.ended = True
            self.cancel()
            self.sink.end()

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

    def _roll(self) -> bool:
        return self.bench.rng.random() < self.toxic.toxicity
