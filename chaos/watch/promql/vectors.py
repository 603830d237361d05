"""What a query is worth at every step at once: rows of figures, and whether there is a figure at all.

A figure can be no number (0 / 0) and still be there, as in Prometheus, so presence is kept beside the values.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
# Sorted pairs, so that equal label sets are equal tuples.
Labels = tuple[tuple[str, str], ...]

NAME = "__name__"
MS = 1000


@dataclass(frozen=True, slots=True)
class Grid:
    """The instants at which a query is asked, in milliseconds, both ends included."""

    start_ms: int
    end_ms: int
    step_ms: int

    @property
    def times(self) -> Ints:
        """Return every instant."""
        return np.arange(self.start_ms, self.end_ms + 1, self.step_ms, dtype=np.int64)

    @property
    def steps(self) -> int:
        """Return how many instants there are."""
        return (self.end_ms - self.start_ms) // self.step_ms + 1


@dataclass(frozen=True, slots=True)
class Scalar:
    """One figure a step, of no series."""

    values: Floats


@dataclass(frozen=True, slots=True)
class Vector:
    """Series by step: `values` and `present` have a row for each of `labels`, a column for each step."""

    labels: tuple[Labels, ...]
    values: Floats
    present: Bools

    @classmethod
    def empty(cls, steps: int) -> "Vector":
        """Return no series at all."""
        return cls((), np.empty((0, steps)), np.zeros((0, steps), dtype=bool))

    @classmethod
    def stacked(cls, parts: Iterable["Vector"], steps: int) -> "Vector":
        """Put the series of several vectors one below the other."""
        kept = [part for part in parts if part.labels]
        if not kept:
            return cls.empty(steps)
        labels = tuple(label for part in kept for label in part.labels)
        return cls(labels, np.vstack([part.values for part in kept]), np.vstack([part.present for part in kept]))

    @property
    def somewhere(self) -> Bools:
        """Return for each series whether it is there at any step."""
        return there_at_all(self.present, axis=1)

    def renamed(self, labels: Iterable[Labels]) -> "Vector":
        """Return the same figures under other labels."""
        return Vector(tuple(labels), self.values, self.present)

    def without_name(self) -> "Vector":
        """Return the series without their metric's name, as every calculation leaves them."""
        return self.renamed(dropped(labels, (NAME,)) for labels in self.labels)


def there_at_all(present: Bools, axis: int) -> Bools:
    """Return where anything is there along an axis."""
    found: Bools = np.asarray(present.any(axis=axis))
    return found


def labels_of(pairs: Mapping[str, str]) -> Labels:
    """Return labels in their one order; an empty value is no label."""
    return tuple(sorted((name, value) for name, value in pairs.items() if value))


def kept(labels: Labels, names: Iterable[str]) -> Labels:
    """Return only the labels of these names."""
    wanted = frozenset(names)
    return tuple(pair for pair in labels if pair[0] in wanted)


def dropped(labels: Labels, names: Iterable[str]) -> Labels:
    """Return all labels but those of these names."""
    unwanted = frozenset(names)
    return tuple(pair for pair in labels if pair[0] not in unwanted)
