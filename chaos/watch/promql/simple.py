"""The functions that look at one step alone."""

from collections.abc import Callable, Sequence

import numpy as np

from chaos.watch.promql.matching import merged
from chaos.watch.promql.operators import Value, vector_of
from chaos.watch.promql.vectors import Floats, Grid, Vector

Function = Callable[[Sequence[Value], Grid], Vector]


def _nameless(vector: Vector, figures: Floats) -> Vector:
    return merged(Vector(vector.without_name().labels, figures, vector.present))


def _clamp(low: int | None, high: int | None) -> Function:
    """Return a clamp whose bounds are its arguments of these numbers."""

    def apply(values: Sequence[Value], grid: Grid) -> Vector:
        del grid
        vector = vector_of(values[0])
        figures = vector.values
        # What is no number stays none, as in Prometheus: np.maximum lets it through.
        figures = figures if low is None else np.maximum(figures, values[low].values)
        figures = figures if high is None else np.minimum(figures, values[high].values)
        return _nameless(vector, figures)

    return apply


def _absolute(values: Sequence[Value], grid: Grid) -> Vector:
    del grid
    vector = vector_of(values[0])
    return _nameless(vector, np.abs(vector.values))


def _as_vector(values: Sequence[Value], grid: Grid) -> Vector:
    return Vector(((),), np.atleast_2d(values[0].values), np.ones((1, grid.steps), dtype=bool))


SIMPLE: dict[str, Function] = {
    "abs": _absolute,
    "clamp": _clamp(1, 2),
    "clamp_max": _clamp(None, 1),
    "clamp_min": _clamp(1, None),
    "vector": _as_vector,
}
