"""What every page of figures is put together from: templates, the style, the chart code, a chart and its text."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from chaos.report.arms import arm_styles
from chaos.report.axis import end_s
from chaos.report.charts import Chart, drawing, figures_table, spoken
from chaos.run import Run, Word
from chaos.scenario import Phase

_HERE = Path(__file__).parent
PHASES: tuple[Phase, ...] = ("settle", "baseline", "fault", "recovery")
VERDICT_KEYS: dict[Word, str] = {"CONFIRMED": "ok", "REFUTED": "no", "NOT PROVEN": "unknown"}
# A figure and its unit stay on one line.
_BEFORE_UNIT = re.compile(r"(?<=[\d+]) (?=(?:%|ms|s|/s|kB|points)(?:\W|$))")


@cache
def environment() -> Environment:
    """Return the templates' environment: everything is escaped, and a name that is not given is an error."""
    made = Environment(
        loader=PackageLoader("chaos.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["together"] = together
    return made


def assets() -> dict[str, Markup]:
    """Return what a page carries so that it needs nothing beside itself, by the names that templates use."""
    files = {
        "styles_css": "templates/report.css", "charts_js": "templates/charts.js",
        "uplot_css": "vendor/uPlot.min.css", "uplot_js": "vendor/uPlot.iife.min.js",
    }  # fmt: skip
    return {name: Markup((_HERE / path).read_text(encoding="utf-8")) for name, path in files.items()}  # noqa: S704 - the project's own files


def picture(chart: Chart, run: Run) -> dict[str, Any]:
    """Return a chart with its text alternative, for the template."""
    head, rows = figures_table(chart) if chart.lines else ((), ())
    return {"chart": chart, "spoken": spoken(chart, run), "head": head, "rows": rows, "spans": _spans(chart)}


def drawn(run: Run, arms: Sequence[str], shown: Iterable[Chart]) -> dict[str, Any]:
    """Return what charts.js draws: charts of one run, which share an axis and a cursor."""
    return {
        "end": end_s(run),
        "bands": [[round(window.from_s, 2), round(window.to_s, 2)] for window in run.fault_windows],
        "phases": [[name, *run.scenario.phases.window(name)] for name in PHASES],
        "arms": {arm: {"key": style.key, "marker": style.marker} for arm, style in arm_styles(arms).items()},
        "charts": [drawing(chart) for chart in shown],
    }


def together(text: str) -> Markup:
    """Escape a text and keep its figures and their units on one line."""
    return Markup(_BEFORE_UNIT.sub("&nbsp;", str(escape(text))))  # noqa: S704 - the text was escaped just before


def _spans(chart: Chart) -> list[str]:
    """Return a chart of states in words."""
    states = {0: "closed", 1: "half-open", 2: "open"}
    return [
        f"{strip.label}: "
        + ", ".join(f"{states.get(state, state)} {a:.1f} to {b:.1f} s" for a, b, state in strip.spans)
        for strip in chart.strips
    ]
