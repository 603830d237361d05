"""What a query's answer looks like: in Prometheus' own JSON shape, and in a shorter one for drawing.

The shorter one leaves the instants out, for they are the grid's: a tenth of the bytes, and nothing to put in order.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from chaos.watch.promql.vectors import MS, NAME, Grid, Labels, Vector, labels_of

_IN_LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")
# What lies closer together on the screen cannot be told apart.
DIGITS = 6


def as_prometheus(vector: Vector, grid: Grid) -> dict[str, Any]:
    """Return the body of /api/v1/query_range."""
    seconds = (grid.times / MS).tolist()
    result = [
        {"metric": dict(labels), "values": [[seconds[step], _spelt(values[step])] for step in np.flatnonzero(present)]}
        for labels, values, present in zip(vector.labels, vector.values, vector.present, strict=True)
    ]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


def from_prometheus(body: Mapping[str, Any], grid: Grid) -> Vector:
    """Read such a body; raises KeyError, TypeError, ValueError where it is none."""
    result = body["data"]["result"]
    values, present = np.zeros((len(result), grid.steps)), np.zeros((len(result), grid.steps), dtype=bool)
    for row, series in enumerate(result):
        points = np.array([(float(at), float(text)) for at, text in series["values"]])
        steps = np.rint((points[:, 0] * MS - grid.start_ms) / grid.step_ms).astype(np.int64)
        values[row, steps], present[row, steps] = points[:, 1], True
    return Vector(tuple(labels_of(series["metric"]) for series in result), values, present)


def for_drawing(vector: Vector, legend: str) -> list[dict[str, Any]]:
    """Return each series with its name, its labels, and a figure a step, null where there is none."""
    return [
        {"name": _named(labels, legend), "labels": dict(labels), "values": _short(values, present)}
        for labels, values, present in zip(vector.labels, vector.values.tolist(), vector.present.tolist(), strict=True)
    ]


def regions(vector: Vector, grid: Grid) -> list[dict[str, Any]]:
    """Return when each series was there and not 0, as Grafana reads fault windows: from and to in seconds."""
    found = []
    for labels, values, present in zip(vector.labels, vector.values, vector.present, strict=True):
        on = np.concatenate([[False], present & (values != 0), [False]])
        for first, last in zip(
            *(np.flatnonzero(edge).tolist() for edge in (on[1:] & ~on[:-1], ~on[1:] & on[:-1])), strict=True
        ):
            times = (grid.start_ms + grid.step_ms * first) / MS, (grid.start_ms + grid.step_ms * (last - 1)) / MS
            found.append(
                {"labels": {name: value for name, value in labels if name != NAME}, "from": times[0], "to": times[1]}
            )
    return found


def _spelt(value: float) -> str:
    if math.isfinite(value):
        return repr(float(value)).removesuffix(".0")
    return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")


def _short(values: list[float], present: list[bool]) -> list[float | None]:
    return [
        float(f"{value:.{DIGITS}g}") if there and math.isfinite(value) else None
        for value, there in zip(values, present, strict=True)
    ]


def _named(labels: Labels, legend: str) -> str:
    own = dict(labels)
    if legend and legend != "__auto":
        return _IN_LEGEND.sub(lambda match: own.get(match[1], ""), legend).strip()
    shown = {name: value for name, value in own.items() if name != NAME}
    return ", ".join(shown.values()) or own.get(NAME, "value")
