"""Aggregations: many series into one for each group of labels."""

from collections.abc import Callable

import numpy as np
from promql_parser import AggModifier, AggModifierType

from chaos.watch.promql.vectors import NAME, Bools, Floats, Labels, Vector, dropped, kept, there_at_all

Reduce = Callable[[Floats, Bools], Floats]


def _sum(values: Floats, present: Bools) -> Floats:
    return np.asarray(np.where(present, values, 0.0).sum(axis=0))


def _average(values: Floats, present: Bools) -> Floats:
    with np.errstate(all="ignore"):
        return np.divide(_sum(values, present), _count(values, present))


# No number loses against any number, as in Prometheus.
def _least(values: Floats, present: Bools) -> Floats:
    return np.asarray(np.fmin.reduce(np.where(present, values, np.nan), axis=0))


def _most(values: Floats, present: Bools) -> Floats:
    return np.asarray(np.fmax.reduce(np.where(present, values, np.nan), axis=0))


def _count(values: Floats, present: Bools) -> Floats:
    del values
    return np.asarray(present.sum(axis=0), dtype=np.float64)


def _one(values: Floats, present: Bools) -> Floats:
    del present
    return np.ones(values.shape[1])


AGGREGATIONS: dict[str, Reduce] = {
    "sum": _sum,
    "avg": _average,
    "min": _least,
    "max": _most,
    "count": _count,
    "group": _one,
}


def aggregate(operation: str, vector: Vector, modifier: AggModifier | None) -> Vector:
    """Reduce each group of series to one; `operation` is a key of AGGREGATIONS."""
    groups: dict[Labels, list[int]] = {}
    for row, labels in enumerate(vector.labels):
        groups.setdefault(_group(labels, modifier), []).append(row)
    reduce = AGGREGATIONS[operation]
    found = []
    for labels, rows in groups.items():
        values, present = vector.values[rows], vector.present[rows]
        found.append(Vector((labels,), reduce(values, present)[None, :], there_at_all(present, 0)[None, :]))
    return Vector.stacked(found, vector.values.shape[1])


def _group(labels: Labels, modifier: AggModifier | None) -> Labels:
    if modifier is None:
        return ()
    if modifier.type == AggModifierType.By:
        return kept(labels, modifier.labels)
    return dropped(labels, (*modifier.labels, NAME))
