"""Answers on their way to the page, and what a request may ask."""

import math

import numpy as np
import pytest

from chaos.errors import QueryError
from chaos.watch.answers import as_prometheus, for_drawing, from_prometheus, regions
from chaos.watch.data import grid_of
from chaos.watch.promql.vectors import Grid, Vector

GRID = Grid(10_000, 13_000, 1_000)
LABELS = (("__name__", "up"), ("arm", "naive"))


def vector(*values: float | None) -> Vector:
    present = np.array([[value is not None for value in values]])
    return Vector((LABELS,), np.array([[value or 0.0 for value in values]]), present)


def test_the_long_shape_is_prometheus_own() -> None:
    assert as_prometheus(vector(1.5, None, math.nan, math.inf), GRID) == {
        "status": "success",
        "data": {
            "resultType": "matrix",
            "result": [{"metric": dict(LABELS), "values": [[10.0, "1.5"], [12.0, "NaN"], [13.0, "+Inf"]]}],
        },
    }


def test_what_prometheus_says_is_read_back() -> None:
    body = as_prometheus(vector(1.5, None, 0.1, 2), GRID)

    assert as_prometheus(from_prometheus(body, GRID), GRID) == body


def test_the_short_shape_has_a_figure_a_step_and_the_legends_name() -> None:
    (series,) = for_drawing(vector(1.23456789, None, math.nan, 2), "{{arm}} p95{{gone}}")

    assert (series["name"], series["values"]) == ("naive p95", [1.23457, None, None, 2.0])
    assert for_drawing(vector(1, 1, 1, 1), "")[0]["name"] == "naive"


@pytest.mark.parametrize(
    ("values", "windows"),
    [
        ((None, 1, 1, None), [(11, 12)]),
        ((1, 0, None, 1), [(10, 10), (13, 13)]),
        ((1, 1, 1, 1), [(10, 13)]),
        ((0, 0, 0, 0), []),
    ],
)
def test_a_region_is_where_a_figure_is_not_zero(
    values: tuple[float | None, ...], windows: list[tuple[float, float]]
) -> None:
    assert [(one["from"], one["to"]) for one in regions(vector(*values), GRID)] == windows


def asked(**params: str) -> Grid:
    return grid_of({"start": "10", "end": "20", "step": "1", **params}, start="start", end="end")


def test_a_grid_is_read_as_prometheus_reads_it() -> None:
    assert asked() == Grid(10_000, 20_000, 1_000)
    assert asked(step="0.5s") == Grid(10_000, 20_000, 500)


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"start": "x"}, "start='x'"), ({"end": "nan"}, "end='nan'"), ({"start": "21"}, "start, end"),
        ({"step": "0"}, "step"),
        ({"start": "0", "end": "21601"}, "6 hours"), ({"start": "-1"}, "start, end"), ({"end": "1e300"}, "start, end"),
        ({"end": "2000", "step": "0.1"}, "step"), ({"step": ""}, "step=''"), ({"end": "inf"}, "end='inf'"),
    ],
)  # fmt: skip
def test_a_range_out_of_bounds_names_its_parameter(params: dict[str, str], named: str) -> None:
    with pytest.raises(QueryError, match=named):
        asked(**params)
