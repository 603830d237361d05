"""What a generator counts while it sends: plain numbers, for it does so between two requests.

Open arrivals and users who wait are counted in the same words. A snapshot travels from Locust's workers to its master,
who adds them up.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from loadtests.metrics import LATE_S, LATENCY_BUCKETS_S, OUTCOMES

# The steps of the exact-enough histogram: a quantile read from it is at most 1 % off.
FINE_STEP = math.log(1.01)
FINEST_S = 1e-5


@dataclass(slots=True)
class Line:
    """What became of the requests of one kind at one arm. `buckets` are the latencies on the grid of the metrics."""

    offered: int = 0
    sent: int = 0
    late: int = 0
    skipped: int = 0
    in_time: int = 0
    seconds: float = 0.0
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    buckets: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BUCKETS_S) + 1))
    fine: dict[int, int] = field(default_factory=dict)

    def add(self, other: "Line") -> None:
        """Add another generator's line to this one."""
        for name in ("offered", "sent", "late", "skipped", "in_time", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for outcome, number in other.outcomes.items():
            self.outcomes[outcome] += number
        self.buckets = [mine + its for mine, its in zip(self.buckets, other.buckets, strict=True)]
        for step, number in other.fine.items():
            self.fine[step] = self.fine.get(step, 0) + number

    @property
    def ended(self) -> int:
        """Return how many requests ended, however they did."""
        return sum(self.outcomes.values())


class Counts:
    """The lines of a generator, and what is in flight at each arm. `in_time_s` may change between two tests."""

    def __init__(self, arms: Iterable[str], kinds: Iterable[str], in_time_s: float) -> None:
        kinds = tuple(kinds)
        self.in_time_s = in_time_s
        self.in_flight = dict.fromkeys(arms, 0)
        self.lines = {(arm, kind): Line() for arm in self.in_flight for kind in kinds}

    def offer(self, arm: str, kind: str) -> None:
        """Count a request that is due."""
        self._line(arm, kind).offered += 1

    def skip(self, arm: str, kind: str) -> None:
        """Count a request that was due and is not sent."""
        self._line(arm, kind).skipped += 1

    def send(self, arm: str, kind: str, lag_s: float = 0.0) -> None:
        """Count a request that is sent now; `end` or `drop` must follow."""
        line = self._line(arm, kind)
        line.sent += 1
        line.late += lag_s > LATE_S
        self.in_flight[arm] = self.in_flight.get(arm, 0) + 1

    def end(self, arm: str, kind: str, outcome: str, latency_s: float) -> None:
        """Count the end of a request that was sent."""
        line = self._line(arm, kind)
        self.in_flight[arm] -= 1
        line.outcomes[outcome] += 1
        line.in_time += outcome == "answered" and latency_s <= self.in_time_s
        line.seconds += latency_s
        line.buckets[bisect_left(LATENCY_BUCKETS_S, latency_s)] += 1
        step = math.floor(math.log(max(latency_s, FINEST_S)) / FINE_STEP)
        line.fine[step] = line.fine.get(step, 0) + 1

    def drop(self, arm: str) -> None:
        """Take back a request in flight whose end nobody will see."""
        self.in_flight[arm] -= 1

    def snapshot(self) -> dict[str, Any]:
        """Return everything as lists, strings and numbers."""
        lines = [[arm, kind, _flat(line)] for (arm, kind), line in self.lines.items()]
        return {"lines": lines, "in_flight": dict(self.in_flight)}

    @classmethod
    def total(cls, snapshots: Iterable[Mapping[str, Any]], start: "Counts") -> Self:
        """Return the sum of snapshots; the lines of `start` are there in any case, with 0."""
        sums = cls((), (), start.in_time_s)
        sums.in_flight = dict.fromkeys(start.in_flight, 0)
        sums.lines = {key: Line() for key in start.lines}
        for snapshot in snapshots:
            for arm, kind, flat in snapshot["lines"]:
                sums._line(arm, kind).add(_line_of(flat))
            for arm, number in snapshot["in_flight"].items():
                sums.in_flight[arm] = sums.in_flight.get(arm, 0) + number
        return sums

    def _line(self, arm: str, kind: str) -> Line:
        line = self.lines.get((arm, kind))
        if line is None:
            line = self.lines[arm, kind] = Line()
        return line


def quantile(lines: Iterable[Line], share: float) -> float | None:
    """Return the latency in seconds below which `share` of all that ended lies, None where nothing ended."""
    merged = Line()
    for line in lines:
        merged.add(line)
    wanted = share * merged.ended
    seen = 0
    for step in sorted(merged.fine):
        seen += merged.fine[step]
        if seen >= wanted:
            # The middle of the step.
            return math.exp((step + 0.5) * FINE_STEP)
    return None


def _flat(line: Line) -> dict[str, Any]:
    # Not a mapping: the wire takes no whole numbers as keys.
    return asdict(line) | {"fine": list(line.fine.items())}


def _line_of(flat: Mapping[str, Any]) -> Line:
    fine: Sequence[tuple[int, int]] = flat["fine"]
    return Line(**{**flat, "fine": dict(fine)})
