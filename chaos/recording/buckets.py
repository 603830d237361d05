"""Histogram buckets, small enough to be recorded: of a histogram that changed, only the buckets that did.

Written whole, the buckets would be four fifths of the file. A bucket's figure here is what fell into it alone, not what
fell below it; a reader carries it forward and adds up.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from chaos.recording.exposition import bucket_lines

_LE = re.compile(r'(?:^|,)le="([^"]*)"')

# {histogram: {upper bound: what fell into this bucket so far}}; a histogram is `name{label="value"}` without `le`.
Buckets = Mapping[str, Mapping[str, int]]


class BucketWriter:
    """Turns the pages of one service into what has changed since the page before; the first holds every bucket."""

    def __init__(self) -> None:
        self._lines: set[str] = set()
        self._cumulative: dict[str, dict[str, float]] = {}
        self._written: dict[str, dict[str, int]] = {}

    def changes(self, page: str) -> Buckets:
        """Return what changed since the last call. Raises ValueError for what is no page of metrics."""
        lines = bucket_lines(page)
        changed: set[str] = set()
        # Most lines of most pages stand as they stood, so most are never taken apart.
        for line in lines - self._lines:
            series, _, text = line.rpartition(" ")
            histogram, bound = _split(series)
            self._cumulative.setdefault(histogram, {})[bound] = float(text)
            changed.add(histogram)
        self._lines = lines
        return {histogram: row for histogram in changed if (row := self._row(histogram))}

    def _row(self, histogram: str) -> Mapping[str, int]:
        written = self._written.get(histogram)
        if written is None:
            # They came out of a set.
            self._cumulative[histogram] = dict(sorted(self._cumulative[histogram].items(), key=_by_bound))
            written = self._written[histogram] = {}
        row, below = {}, 0.0
        for bound, cumulative in self._cumulative[histogram].items():
            own = round(cumulative - below)
            below = cumulative
            if written.get(bound) != own:
                row[bound] = written[bound] = own
        return row


class BucketReader:
    """Puts the changes of one service together again."""

    def __init__(self) -> None:
        self._own: dict[str, dict[str, int]] = {}

    def samples(self, changes: Buckets, others: Mapping[str, float]) -> dict[str, float]:
        """Return {series: value} of all buckets as the page had them.

        `others` are the page's other samples: a histogram whose count is not among them was not on the page.
        """
        for histogram, row in changes.items():
            self._own.setdefault(histogram, {}).update(row)
        found: dict[str, float] = {}
        for histogram, own in self._own.items():
            name, brace, labels = histogram.partition("{")
            if f"{name}_count{brace}{labels}" not in others:
                continue
            start = f"{name}_bucket{{{labels[:-1]}," if labels else f"{name}_bucket{{"
            below = 0
            for bound, count in own.items():
                below += count
                found[f'{start}le="{bound}"}}'] = below
        return found


def _by_bound(item: tuple[str, float]) -> float:
    return float(item[0])


@lru_cache(maxsize=65_536)
def _split(series: str) -> tuple[str, str]:
    """Return the histogram and the bound of a bucket's series. Raises ValueError where it has none."""
    name, _, labels = series.removesuffix("}").partition("_bucket{")
    bound = _LE.search(labels)
    if bound is None:
        raise ValueError(f"{series}: a bucket without le")
    rest = (labels[: bound.start()] + labels[bound.end() :]).removeprefix(",")
    return (f"{name}{{{rest}}}" if rest else name), bound[1]
