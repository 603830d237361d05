"""What a benchmark says: a value beside a reference measured in the same run.

A figure from this machine at this moment means little on another; the ratio means nearly the same. So every measurement
takes its rounds in turns with its reference, and a busy second hits both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

ROUNDS = 5


@dataclass(frozen=True)
class Measurement:
    """One line of the table. `name` says what was measured and beside what; `ratio` is value over reference."""

    name: str
    value: float
    unit: str
    reference: float

    @property
    def ratio(self) -> float:
        """Return how many times the reference the value is."""
        return self.value / self.reference

    def as_json(self) -> dict[str, str | float]:
        """Return the entry for latest.json."""
        return {
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
            "reference": round(self.reference, 3),
            "ratio": round(self.ratio, 3),
        }


def interleaved(value: Callable[[], float], reference: Callable[[], float]) -> tuple[float, float]:
    """Call both in turns, ROUNDS times, after one round that warms up; return the median of each."""
    rounds = [(value(), reference()) for _ in range(1 + ROUNDS)][1:]
    return median(one for one, _ in rounds), median(other for _, other in rounds)
