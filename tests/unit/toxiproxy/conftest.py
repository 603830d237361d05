"""A loop without time of its own: toxics are tested to the millisecond, and no test waits."""

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from chaos.toxiproxy.server.toxics.attributes import Attributes
from chaos.toxiproxy.server.toxics.base import Bench, Stage, Toxic

NEVER_MS = math.inf


class Handle:
    """A pending callback."""

    def __init__(self, due_s: float, callback: Callable[[], None]) -> None:
        self.due_s = due_s
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Timeline:
    """A clock and a loop's call_later in one. `early_s` makes every timer fire that much too soon, as uvloop's may."""

    def __init__(self, *, early_s: float = 0.0) -> None:
        self.now_s = 1_000.0
        self.early_s = early_s
        self.handles: list[Handle] = []

    def now(self) -> float:
        return self.now_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Handle:
        handle = Handle(self.now_s + max(delay_s - self.early_s, 0.0001), callback)
        self.handles.append(handle)
        return handle

    @property
    def pending(self) -> list[Handle]:
        return sorted((handle for handle in self.handles if not handle.cancelled), key=lambda handle: handle.due_s)

    def pass_ms(self, duration_ms: float) -> None:
        """Let time pass, firing what becomes due at its own instant."""
        end_s = self.now_s + duration_ms / 1_000
        while self.pending and self.pending[0].due_s <= end_s:
            handle = self.pending[0]
            self.handles.remove(handle)
            self.now_s = max(self.now_s, handle.due_s)
            handle.callback()
        self.now_s = end_s


@dataclass
class Recorder:
    """The end of a chain: what came, when (ms after the start), and when the end came."""

    timeline: Timeline
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    ended_ms: float = NEVER_MS

    def feed(self, data: bytes, at_s: float) -> None:
        assert self.ended_ms == NEVER_MS, "data after the end"
        self.chunks.append((self._ms, data))

    def end(self) -> None:
        self.ended_ms = self._ms

    @property
    def data(self) -> bytes:
        return b"".join(data for _, data in self.chunks)

    @property
    def times_ms(self) -> list[int]:
        return [round(at_ms) for at_ms, _ in self.chunks]

    @property
    def _ms(self) -> float:
        return (self.timeline.now_s - 1_000) * 1_000


@dataclass
class Workshop:
    """What a test of a stage needs. `moved` counts how often the link was told that room was made."""

    timeline: Timeline
    out: Recorder
    rng: random.Random
    moved: int = 0

    def stage(
        self, stage: type[Stage[Any]], attributes: Attributes, *, toxicity: float = 1.0, sink: Any = None
    ) -> Stage[Any]:
        toxic = Toxic("t", "t", "upstream", toxicity, attributes)
        made = stage(toxic, self.bench(), self.out if sink is None else sink)
        made.begin()
        return made

    def bench(self) -> Bench:
        def moved() -> None:
            self.moved += 1

        return Bench(cast("asyncio.AbstractEventLoop", self.timeline), self.timeline.now, self.rng, moved)

    def feed(self, stage: Stage[Any], data: bytes) -> None:
        stage.feed(data, self.timeline.now_s)


@pytest.fixture(params=[0.0, 0.001], ids=["exact", "early"])
def workshop(request: pytest.FixtureRequest) -> Workshop:
    """Yield a bench whose timers are exact, and one whose timers fire a millisecond early."""
    timeline = Timeline(early_s=request.param)
    return Workshop(timeline, Recorder(timeline), random.Random(1))  # noqa: S311 - a seeded test
