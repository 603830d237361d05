"""histogram_quantile on classic buckets: the figure below which a share of the observations lies.

Linear inside a bucket, so with the lab's grid it is at most 30 % off; that is what Prometheus says, too.
"""

import numpy as np

from chaos.watch.promql.vectors import NAME, Bools, Floats, Labels, Vector, dropped, there_at_all

LE = "le"


def histogram_quantile(quantile: Floats, vector: Vector) -> Vector:
    """Return the quantile of each histogram among the series; what has no `le` is left out."""
    groups: dict[Labels, dict[float, int]] = {}
    for row, labels in enumerate(vector.labels):
        bound = _bound(dict(labels).get(LE))
        if bound is not None:
            groups.setdefault(dropped(labels, (LE, NAME)), {})[bound] = row
    found = []
    for labels, buckets in groups.items():
        bounds = sorted(buckets)
        rows = [buckets[bound] for bound in bounds]
        present = vector.present[rows]
        values = _quantile(quantile, np.array(bounds), vector.values[rows], present)
        found.append(Vector((labels,), values[None, :], there_at_all(present, 0)[None, :]))
    return Vector.stacked(found, vector.values.shape[1])


def _bound(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _quantile(quantile: Floats, bounds: Floats, counts: Floats, present: Bools) -> Floats:
    """Return the quantile at every step. `counts` are cumulative over `bounds`, which rise; a row a bound."""
    steps = np.arange(counts.shape[1])
    # Sums of rates are not quite monotonic in their last digits; an absent bucket adds nothing to the one before.
    rising = np.maximum.accumulate(np.where(present, counts, -np.inf), axis=0)
    total = rising[-1]
    rank = quantile * total
    # The first bucket that reaches the rank; in the last one (+Inf) the bound before it is all that is known.
    bucket = np.minimum((rising[:-1] < rank).sum(axis=0), len(bounds) - 2) if len(bounds) > 1 else steps * 0
    beyond = rising[bucket, steps] < rank
    # An absent bucket has no bound either: the bucket begins where the present one before it ends.
    before = _present_before(present)[bucket, steps]
    reached = np.where(before >= 0, rising[before, steps], 0.0)
    start = np.where(before >= 0, bounds[before], 0.0)
    with np.errstate(all="ignore"):
        inside = start + (bounds[bucket] - start) * ((rank - reached) / (rising[bucket, steps] - reached))
    inside = np.where((bucket == 0) & (bounds[0] <= 0), bounds[0], inside)
    last_known = _present_before(present)[len(bounds) - 1]
    found = np.where(beyond, np.where(last_known >= 0, bounds[last_known], np.nan), inside)
    complete = present[-1] & np.isinf(bounds[-1]) & (present.sum(axis=0) > 1) & (total > 0)
    found = np.where(complete, found, np.nan)
    found = np.where(quantile < 0, -np.inf, np.where(quantile > 1, np.inf, found))
    return np.where(np.isnan(quantile), np.nan, found)


def _present_before(present: Bools) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return for each row the newest present row before it, -1 where there is none."""
    rows = np.where(present, np.arange(len(present))[:, None], -1)
    upto = np.maximum.accumulate(rows, axis=0)
    return np.vstack([np.full((1, present.shape[1]), -1), upto[:-1]])
