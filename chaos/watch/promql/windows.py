"""Functions over a window of samples: rate and its kin with Prometheus' own extrapolation, and the `_over_time` ones.

All steps and all series of a table at once; a loop over them would take seconds for ten minutes of buckets.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chaos.watch.promql.selecting import Window
from chaos.watch.promql.vectors import MS, Bools, Floats, Ints, Vector

# The samples at a window's ends stand for the space to its edges, unless that is wider than this many of their gaps.
EDGE = 1.1


@dataclass(frozen=True, slots=True)
class _Ends:
    """The columns of the first and last sample of each window, and how many there are; `row` indexes beside them."""

    count: Ints
    first: Ints
    last: Ints
    row: Ints


def rate(window: Window, range_ms: int) -> Vector:
    """Return how fast a counter rose, per second."""
    return _extrapolated(window, range_ms, counter=True, per_second=True)


def increase(window: Window, range_ms: int) -> Vector:
    """Return by how much a counter rose."""
    return _extrapolated(window, range_ms, counter=True, per_second=False)


def delta(window: Window, range_ms: int) -> Vector:
    """Return by how much a gauge changed."""
    return _extrapolated(window, range_ms, counter=False, per_second=False)


def irate(window: Window, range_ms: int) -> Vector:
    """Return how fast a counter rose between the last two samples, per second."""
    del range_ms
    there = ~np.isnan(window.values)
    ends = _ends(window, there)
    present = ends.count > 1
    newest = _last_valid(there)
    before = np.where(present, newest[ends.row, np.maximum(ends.last - 1, 0)], 0)
    now, then = window.values[ends.row, ends.last], window.values[ends.row, before]
    risen = np.where(now < then, now, now - then)
    with np.errstate(all="ignore"):
        values = risen / (window.times[ends.last] - window.times[before]) * MS
    return Vector(window.labels, values, present)


def _extrapolated(window: Window, range_ms: int, *, counter: bool, per_second: bool) -> Vector:
    there = ~np.isnan(window.values)
    ends = _ends(window, there)
    present = ends.count > 1
    values = np.where(there, window.values, 0.0)
    start, end = values[ends.row, ends.first], values[ends.row, ends.last]
    risen = end - start
    if counter:
        lost = np.cumsum(_lost_to_restarts(values, there), axis=1)
        risen = risen + lost[ends.row, ends.last] - lost[ends.row, ends.first]
    first_ms, last_ms = window.times[ends.first], window.times[ends.last]
    with np.errstate(all="ignore"):
        sampled = (last_ms - first_ms) / MS
        gap = sampled / (ends.count - 1)
        steps = window.steps[None, :]
        to_start = (first_ms - (steps - range_ms)) / MS
        to_end = (steps - last_ms) / MS
        to_start = np.where(to_start >= gap * EDGE, gap / 2, to_start)
        if counter:
            # A counter is not below zero: it may have begun inside the window.
            to_zero = np.where((risen > 0) & (start >= 0), sampled * (start / risen), np.inf)
            to_start = np.minimum(to_start, to_zero)
        to_end = np.where(to_end >= gap * EDGE, gap / 2, to_end)
        factor = (sampled + to_start + to_end) / sampled
        result = risen * (factor / (range_ms / MS) if per_second else factor)
    return Vector(window.labels, result, present)


def _lost_to_restarts(values: Floats, there: Bools) -> Floats:
    """Return at each sample what the counter had reached when it started anew, else 0."""
    before = np.roll(_last_valid(there), 1, axis=1)
    previous = np.where(before >= 0, np.take_along_axis(values, np.maximum(before, 0), axis=1), -np.inf)
    previous[:, :1] = -np.inf
    return np.where(there & (values < previous), previous, 0.0)


def _last_valid(there: Bools) -> Ints:
    """Return for each column the newest column up to it that holds a sample, -1 where there is none."""
    columns = np.where(there, np.arange(there.shape[1]), -1)
    return np.maximum.accumulate(columns, axis=1)


def _ends(window: Window, there: Bools) -> _Ends:
    rows, width = there.shape
    counted = np.zeros((rows, width + 1), dtype=np.int64)
    np.cumsum(there, axis=1, out=counted[:, 1:])
    count = counted[:, window.hi] - counted[:, window.lo]
    last = _last_valid(there)[:, np.maximum(window.hi - 1, 0)]
    ahead = np.where(there, np.arange(width), width - 1)
    following = np.minimum.accumulate(ahead[:, ::-1], axis=1)[:, ::-1]
    first = following[:, np.minimum(window.lo, width - 1)]
    some = count > 0
    return _Ends(count, np.where(some, first, 0), np.where(some, last, 0), np.arange(rows)[:, None])


def _over(reduce: np.ufunc, empty: float) -> Callable[[Window, int], Vector]:
    def apply(window: Window, range_ms: int) -> Vector:
        del range_ms
        there = ~np.isnan(window.values)
        count = _sums(there.astype(np.float64), window, np.add)
        return Vector(window.labels, _sums(np.where(there, window.values, empty), window, reduce), count > 0)

    return apply


def _sums(values: Floats, window: Window, reduce: np.ufunc) -> Floats:
    """Reduce each window's columns. An empty window gives some figure that is not used."""
    padded = np.hstack([values, np.zeros((len(values), 1))])
    pairs = np.column_stack([window.lo, window.hi]).ravel()
    found: NDArray[np.float64] = reduce.reduceat(padded, pairs, axis=1)[:, ::2]
    # reduceat gives the element itself for a window without columns.
    return np.where(window.lo < window.hi, found, 0.0)


def average_over_time(window: Window, range_ms: int) -> Vector:
    """Return the mean of a window's samples."""
    total = _over(np.add, 0.0)(window, range_ms)
    count = _sums((~np.isnan(window.values)).astype(np.float64), window, np.add)
    with np.errstate(all="ignore"):
        return Vector(window.labels, total.values / count, total.present)


def count_over_time(window: Window, range_ms: int) -> Vector:
    """Return how many samples a window has."""
    del range_ms
    count = _sums((~np.isnan(window.values)).astype(np.float64), window, np.add)
    return Vector(window.labels, count, count > 0)


def last_over_time(window: Window, range_ms: int) -> Vector:
    """Return a window's newest sample; the one function of these that keeps the metric's name."""
    del range_ms
    ends = _ends(window, ~np.isnan(window.values))
    return Vector(window.labels, window.values[ends.row, ends.last], ends.count > 0)


FUNCTIONS: dict[str, Callable[[Window, int], Vector]] = {
    "rate": rate,
    "increase": increase,
    "irate": irate,
    "delta": delta,
    "max_over_time": _over(np.maximum, -np.inf),
    "min_over_time": _over(np.minimum, np.inf),
    "sum_over_time": _over(np.add, 0.0),
    "avg_over_time": average_over_time,
    "count_over_time": count_over_time,
    "last_over_time": last_over_time,
}
