"""Operators between two sides: arithmetic, comparisons that filter or say 0 and 1, and the three on sets."""

from collections.abc import Callable

import numpy as np

from chaos.errors import QueryError
from chaos.watch.promql.matching import Matching, matched, merged
from chaos.watch.promql.vectors import NAME, Bools, Floats, Labels, Scalar, Vector, dropped

Value = Scalar | Vector
Calculation = Callable[[Floats, Floats], Floats]
Comparison = Callable[[Floats, Floats], Bools]

ARITHMETIC: dict[str, Calculation] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
}
COMPARISONS: dict[str, Comparison] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}
SETS = ("and", "or", "unless")


def vector_of(value: Value) -> Vector:
    """Return series where there must be some; raises QueryError for a plain figure."""
    if isinstance(value, Scalar):
        raise QueryError("a plain figure stands where series are needed: vector(...) makes one of it")
    return value


def operate(operator: str, left: Value, right: Value, matching: Matching, *, as_bool: bool) -> Value:
    """Return what an operator makes of its sides; raises QueryError where the sides do not match one to one."""
    with np.errstate(all="ignore"):
        if isinstance(left, Scalar) and isinstance(right, Scalar):
            return Scalar(_figures(operator, left.values, right.values))
        if isinstance(left, Vector) and isinstance(right, Vector):
            if operator in SETS:
                return _of_sets(operator, left, right, matching)
            return _between(operator, left, right, matching, as_bool=as_bool)
        return _with_scalar(operator, left, right, as_bool=as_bool)


def _figures(operator: str, left: Floats, right: Floats) -> Floats:
    if operator in ARITHMETIC:
        return ARITHMETIC[operator](left, right)
    return COMPARISONS[operator](left, right).astype(np.float64)


def _with_scalar(operator: str, left: Value, right: Value, *, as_bool: bool) -> Vector:
    vector = left if isinstance(left, Vector) else vector_of(right)
    figures = _figures(operator, left.values, right.values)
    if operator in ARITHMETIC or as_bool:
        return merged(Vector(vector.without_name().labels, figures, vector.present))
    return Vector(vector.labels, vector.values, vector.present & (figures == 1))


def _between(operator: str, left: Vector, right: Vector, matching: Matching, *, as_bool: bool) -> Vector:
    filters = operator in COMPARISONS and not as_bool
    pairs = matched(left, right, matching, keep_name=filters)
    a, b = left.values[pairs.left], right.values[pairs.right]
    present = left.present[pairs.left] & right.present[pairs.right]
    figures = _figures(operator, a, b)
    if filters:
        present, figures = present & (figures == 1), a
    return merged(Vector(tuple(pairs.labels), figures, present))


def _of_sets(operator: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    steps = left.values.shape[1]
    if operator == "or":
        missing = _where(matching, right, left, steps)
        return merged(Vector.stacked([left, Vector(right.labels, right.values, right.present & ~missing)], steps))
    there = _where(matching, left, right, steps)
    return Vector(left.labels, left.values, left.present & (there if operator == "and" else ~there))


def _where(matching: Matching, rows: Vector, others: Vector, steps: int) -> Bools:
    """Return for each series of `rows` at which steps `others` has one that matches."""
    seen: dict[Labels, Bools] = {}
    for labels, present in zip(others.labels, others.present, strict=True):
        key = _key(matching, labels)
        seen[key] = seen[key] | present if key in seen else present
    nowhere = np.zeros(steps, dtype=bool)
    found = [seen.get(_key(matching, labels), nowhere) for labels in rows.labels]
    return np.vstack(found) if found else np.zeros((0, steps), dtype=bool)


def _key(matching: Matching, labels: Labels) -> Labels:
    return matching.signature(labels) if matching.on else dropped(labels, (*matching.labels, NAME))
