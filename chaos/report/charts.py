"""The charts of a report as data: what the browser draws, and the same figures as text for those who see no chart.

All charts share one time axis (seconds after the first possible arrival), so one cursor reads them all. Colour and
marker say the arm, the dash says the service or link within it.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from chaos.judging.figure_names import Unit
from chaos.report.numbers import bare, quantity
from chaos.report.series import Values, grid
from chaos.run import Run
from chaos.scenario import JUDGED_PHASES

DASHES: tuple[tuple[int, ...], ...] = ((), (7, 4), (2, 4))
# On a linear axis a line that is a hundred times lower than another is the axis itself.
LOG_RATIO = 30.0
PHASE_WORDS = {"baseline": "before", "fault": "during", "recovery": "after"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `arm` is None for what belongs to no arm, `dash` an index into DASHES, `within` what the dash says."""

    label: str
    arm: str | None
    values: Values
    dash: int = 0
    within: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at one instant and has no height: an exchange that failed."""

    arm: str
    label: str
    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Strip:
    """What state a thing was in, over time: (from_s, to_s, state)."""

    label: str
    arm: str
    spans: tuple[tuple[float, float, int], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart. `step_s` is the width of a cell; per-second cells are drawn as steps, samples as a line."""

    key: str
    title: str
    note: str
    unit: Unit
    end_s: float
    step_s: float
    height: int
    lines: tuple[Line, ...] = ()
    log: bool = False
    marks: tuple[Mark, ...] = ()
    strips: tuple[Strip, ...] = ()

    @property
    def within(self) -> tuple[tuple[int, str], ...]:
        """Return what each dash of this chart stands for, in the order of the dashes."""
        return tuple(sorted({(line.dash, line.within) for line in self.lines if line.within}))

    @property
    def top(self) -> float:
        """Return the largest value, 0 where there is none."""
        return max(self._values(), default=0.0)

    @property
    def bottom(self) -> float:
        """Return the smallest value above zero, 0 where there is none."""
        return min((value for value in self._values() if value > 0), default=0.0)

    def _values(self) -> Iterator[float]:
        return (value for line in self.lines for value in line.values if value is not None)


def needs_log(lines: Iterable[Line]) -> bool:
    """Say whether lines are so far apart that only a log axis shows them all."""
    levels = [median(values) for line in lines if (values := [v for v in line.values if v is not None and v > 0])]
    peaks = [max(values) for line in lines if (values := [v for v in line.values if v is not None and v > 0])]
    return bool(levels) and max(peaks) > LOG_RATIO * min(levels)


def drawing(chart: Chart) -> dict[str, Any]:
    """Turn a chart into the JSON that charts.js draws."""
    return {
        "key": chart.key,
        "unit": chart.unit,
        "step": chart.step_s,
        "height": chart.height,
        "log": chart.log,
        "y": _axis(chart),
        "x": list(grid(chart.end_s, chart.step_s)) if chart.lines else [0, chart.end_s],
        "lines": [
            {"label": line.label, "arm": line.arm, "dash": line.dash, "y": [_short(value) for value in line.values]}
            for line in chart.lines
        ],
        "marks": [{"arm": m.arm, "label": m.label, "t": round(m.at_s, 2), "text": m.text} for m in chart.marks],
        "strips": [
            {
                "label": strip.label,
                "arm": strip.arm,
                "spans": [[round(a, 2), round(b, 2), s] for a, b, s in strip.spans],
            }
            for strip in chart.strips
        ],
    }


def _axis(chart: Chart) -> tuple[float, float]:
    if chart.log and chart.top > 0:
        low = math.floor(math.log10(chart.bottom) + 0.15)
        return 10.0**low * (0.7 if chart.bottom >= 10.0**low else 0.5), chart.top * 1.6
    return 0.0, max(chart.top * 1.12, 1.0)


def _short(value: float | None) -> float | int | None:
    """Keep four digits: more cannot be seen, and they are most of the file."""
    if value is None:
        return None
    short = float(f"{value:.4g}")
    return int(short) if short.is_integer() else short


def figures_table(chart: Chart) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the head and the rows of a chart's text alternative: the largest figure of each second a line."""
    per_cell = max(1, round(1 / chart.step_s))
    head = ("second", *(line.label for line in chart.lines))
    rows = []
    for second in range(len(grid(chart.end_s, 1))):
        cells = []
        for line in chart.lines:
            values = [v for v in line.values[second * per_cell : (second + 1) * per_cell] if v is not None]
            cells.append(bare(max(values) if values else None, chart.unit))
        rows.append((str(second), *cells))
    return head, tuple(rows)


def spoken(chart: Chart, run: Run) -> str:
    """Return the chart in a sentence: each line's median before, during and after."""
    said = []
    for line in chart.lines:
        words = []
        for phase in JUDGED_PHASES:
            from_s, to_s = run.scenario.phases.window(phase)
            values = [v for v in line.values[int(from_s / chart.step_s) : int(to_s / chart.step_s)] if v is not None]
            words.append(f"{quantity(median(values), chart.unit) if values else 'nothing'} {PHASE_WORDS[phase]}")
        said.append(f"{line.label}: {', '.join(words)}")
    if chart.marks:
        said.append(f"{len(chart.marks)} failed exchanges")
    return f"{chart.title}. Medians: {'; '.join(said)}." if said else f"{chart.title}."
