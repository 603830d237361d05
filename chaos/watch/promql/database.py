"""Recorded samples as arrays, a table for each thing that was scraped: all of its series share their instants.

A series that a later scrape does not hold is gone from then on, and a missed scrape ends all of them; that is what
Prometheus' stale markers say, and here an empty cell says it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

import numpy as np

from chaos.recording.exposition import parts
from chaos.watch.promql.vectors import NAME, Floats, Ints, Labels, labels_of

# Prometheus looks back five minutes for a sample. Every scrape is recorded here, so nothing older than a few is meant.
LOOKBACK_MS = 5_000
_FIRST_ROWS, _FIRST_COLUMNS = 64, 256


class Table:
    """Everything that one target said: a row a series, a column a scrape. Times are milliseconds since 1970."""

    def __init__(self, extra: Mapping[str, str]) -> None:
        self.labels: list[Labels] = []
        self._extra = dict(extra)
        self._rows: dict[str, int] = {}
        self._by_name: dict[str, list[int]] = {}
        self._chosen: dict[str, tuple[int, tuple[int, ...]]] = {}
        self._length = 0
        self._times = np.zeros(_FIRST_COLUMNS, dtype=np.int64)
        self._values = np.full((_FIRST_ROWS, _FIRST_COLUMNS), np.nan)

    @property
    def times(self) -> Ints:
        """Return when it was scraped, misses included."""
        return self._times[: self._length]

    @property
    def values(self) -> Floats:
        """Return the samples; no number where a scrape does not hold the series."""
        return self._values[: len(self.labels), : self._length]

    def add(self, at_ms: int, samples: Mapping[str, float]) -> None:
        """Add a scrape that is later than all before; an earlier one is left out. A miss is a scrape of nothing."""
        if self._length and at_ms <= self._times[self._length - 1]:
            return
        for series in samples.keys() - self._rows.keys():
            self._add_row(series)
        if self._length == self._times.size:
            self._times = np.concatenate([self._times, np.zeros_like(self._times)])
            self._values = np.hstack([self._values, np.full_like(self._values, np.nan)])
        self._times[self._length] = at_ms
        rows = [self._rows[series] for series in samples]
        self._values[rows, self._length] = list(samples.values())
        self._length += 1

    def forget_before(self, at_ms: int) -> None:
        """Drop the scrapes before an instant once they are half of what is kept, so that this is seldom work."""
        gone = int(np.searchsorted(self.times, at_ms))
        if gone > self._length // 2:
            left = self._length - gone
            self._times[:left] = self._times[gone : self._length].copy()
            self._values[:, :left] = self._values[:, gone : self._length].copy()
            self._values[:, left:] = np.nan
            self._length = left

    def chosen(
        self, selector: str, name: str | None, fits: Callable[[Labels], bool]
    ) -> tuple[Ints, tuple[Labels, ...]]:
        """Return the rows that a selector means, and their labels. Kept: a page asks the same each second."""
        upto, rows = self._chosen.get(selector, (0, ()))
        if upto < len(self.labels):
            named = range(len(self.labels)) if name is None else self._by_name.get(name, ())
            rows = tuple(row for row in named if fits(self.labels[row]))
            self._chosen[selector] = (len(self.labels), rows)
        return np.array(rows, dtype=np.int64), tuple(self.labels[row] for row in rows)

    def _add_row(self, series: str) -> None:
        row = self._rows[series] = len(self.labels)
        if row == len(self._values):
            self._values = np.vstack([self._values, np.full_like(self._values, np.nan)])
        name, own = parts(series)
        self._by_name.setdefault(name, []).append(row)
        self.labels.append(labels_of({**self._extra, **own, NAME: name}))


class Database:
    """Every table. Whoever adds to it and whoever asks it must be one thread."""

    def __init__(self, lookback_ms: int = LOOKBACK_MS) -> None:
        self.lookback_ms = lookback_ms
        self._tables: dict[tuple[str, ...], Table] = {}

    def table(self, key: tuple[str, ...], extra: Mapping[str, str]) -> Table:
        """Return the table of a target, made where there is none; `extra` are labels that all its series get."""
        if key not in self._tables:
            self._tables[key] = Table(extra)
        return self._tables[key]

    def __iter__(self) -> Iterator[Table]:
        return iter(list(self._tables.values()))

    def span_ms(self) -> tuple[int, int] | None:
        """Return when the first and the newest scrape were, None where there is none."""
        times = [table.times for table in self if table.times.size]
        return (int(min(one[0] for one in times)), int(max(one[-1] for one in times))) if times else None

    def forget_before(self, at_ms: int) -> None:
        """Drop what is older than an instant."""
        for table in self:
            table.forget_before(at_ms)


@lru_cache(maxsize=512)
def whole(pattern: str) -> re.Pattern[str]:
    """Compile a pattern that must match a whole label value; raises re.error."""
    return re.compile(f"(?:{pattern})", re.DOTALL)
