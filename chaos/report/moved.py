"""Every recorded series in one line each: what it was before, during and after, and its peak.

Counters are shown as their rate a second, gauges as their mean. Series that never moved say nothing and are counted
instead of listed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chaos.report.recorded import Series
from chaos.run import Run
from chaos.scenario import JUDGED_PHASES

_COUNTERS = ("_total", "_count", "_sum")


@dataclass(frozen=True, slots=True)
class Moved:
    """A series that moved: its means (or rates a second) before, during and after, and its largest value."""

    service: str
    arm: str
    name: str
    rate: bool
    cells: tuple[str, ...]


def moved_series(series: Sequence[Series], run: Run) -> tuple[tuple[Moved, ...], int]:
    """Return the series that moved, and how many did not."""
    windows = [run.scenario.phases.window(phase) for phase in JUDGED_PHASES]
    found = [_moved(one, windows) for one in series if len({value for _, value in one.points}) > 1]
    return tuple(found), len(series) - len(found)


def _moved(one: Series, windows: Sequence[tuple[float, float]]) -> Moved:
    rate = one.name.endswith(_COUNTERS)
    values = [_rate(one, *window) if rate else _mean(one, *window) for window in windows]
    peak = _steepest(one) if rate else max(value for _, value in one.points)
    hidden = ("service", "arm")
    labels = ", ".join(f"{key}={value}" for key, value in one.labels.items() if key not in hidden)
    name = f"{one.name} {{{labels}}}" if labels else one.name
    # What all arms share (the relay) says in a label whose series it is.
    arm = one.arm or one.labels.get("arm", "")
    return Moved(one.service, arm, name, rate, tuple(_short(value) for value in (*values, peak)))


def _mean(one: Series, from_s: float, to_s: float) -> float | None:
    values = [value for at_s, value in one.points if from_s <= at_s < to_s and math.isfinite(value)]
    return float(np.mean(values)) if values else None


def _rate(one: Series, from_s: float, to_s: float) -> float | None:
    inside = [(at_s, value) for at_s, value in one.points if from_s <= at_s < to_s]
    if len(inside) < 2 or inside[-1][0] <= inside[0][0]:  # noqa: PLR2004 - a rate needs two points
        return None
    return (inside[-1][1] - inside[0][1]) / (inside[-1][0] - inside[0][0])


def _steepest(one: Series) -> float | None:
    rates = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(one.points, one.points[1:], strict=False) if b[0] > a[0]]
    return max(rates, default=None)


def _short(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 or value == 0 else f"{value:.3g}"  # noqa: PLR2004 - three digits are enough
