"""The page of a run: everything that was read, computed and worded elsewhere, put into one self-contained file."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from chaos.errors import RunFolderError
from chaos.report import figure_words, tables
from chaos.report.arms import arm_styles
from chaos.report.charts import Chart, drawing, figures_table, spoken
from chaos.report.commands import commands
from chaos.report.evidence_words import evidence_label, evidence_line, held_line
from chaos.report.facts import about_line, facts
from chaos.report.moved import moved_series
from chaos.report.outcomes import bars, total_text
from chaos.report.pictures import arm_names, charts, end_s
from chaos.report.recorded import Recorded, read_recorded
from chaos.report.settings_table import settings_groups
from chaos.report.summary import measured, missing, proves_nothing
from chaos.run import Run
from chaos.run_folder import RunFolder
from chaos.scenario import Phase

_HERE = Path(__file__).parent
PHASES: tuple[Phase, ...] = ("settle", "baseline", "fault", "recovery")
_VERDICT_KEYS = {"CONFIRMED": "ok", "REFUTED": "no", "NOT PROVEN": "unknown"}
# A figure and its unit stay on one line.
_BEFORE_UNIT = re.compile(r"(?<=[\d+]) (?=(?:%|ms|s|/s|kB|points)(?:\W|$))")


def write_report(run_folder: Path) -> Path:
    """Write report.html of a run folder from what is in it, and return its path.

    Raises RunFolderError where run.json is missing or damaged, or the page cannot be written.
    """
    page = render(read_recorded(run_folder), run_folder.resolve().name)
    path = RunFolder(run_folder).report_html
    temporary = path.with_suffix(".tmp")
    try:
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise RunFolderError(
            f"{path}: cannot be written ({error.strerror}); free the disk, then `lab report`"
        ) from error
    return path


def render(recorded: Recorded, folder_name: str) -> str:
    """Return the page of a run as HTML; it needs nothing beside itself."""
    run = recorded.run
    arms = arm_names(run)
    shown = charts(recorded)
    moved, still = moved_series(recorded.series, run)
    return _environment().get_template("report.html.j2").render(
        run=run, arms=arms, styles=arm_styles(arms), verdict_key=_VERDICT_KEYS[run.verdict.word],
        doubt=proves_nothing(run), measured=measured(run), missing=missing(run),
        evidence_line=evidence_line(run, recorded.probes), evidence_label=evidence_label,
        held_line=held_line(run), about_line=about_line(run),
        fault_seen=all(one.holds for one in run.evidence if one.name.startswith("fault_seen")),
        fault_titles=list(dict.fromkeys(window.title for window in run.fault_windows)),
        charts=[_shown(chart, run) for chart in shown], bars=bars(recorded.requests, run, arms), total_text=total_text,
        primary=tables.phase_table(run, arms, figure_words.PRIMARY), everything=tables.phase_table(run, arms),
        expectations=tables.expectation_rows(run), ledger=tables.ledger_rows(run.ledger),
        settings=settings_groups(run), moved=moved, still=still, facts=facts(run),
        commands=commands(run, folder_name), scenario_text=recorded.scenario_text, logs=recorded.logs,
        notes=recorded.notes, data=_data(run, arms, shown),
        styles_css=_inline("report.css"), charts_js=_inline("charts.js"),
        uplot_css=_vendored("uPlot.min.css"), uplot_js=_vendored("uPlot.iife.min.js"),
    )  # fmt: skip


def _shown(chart: Chart, run: Run) -> dict[str, Any]:
    head, rows = figures_table(chart) if chart.lines else ((), ())
    return {"chart": chart, "spoken": spoken(chart, run), "head": head, "rows": rows, "spans": _spans(chart)}


def _spans(chart: Chart) -> list[str]:
    """Return a chart of states in words."""
    states = {0: "closed", 1: "half-open", 2: "open"}
    return [
        f"{strip.label}: "
        + ", ".join(f"{states.get(state, state)} {a:.1f} to {b:.1f} s" for a, b, state in strip.spans)
        for strip in chart.strips
    ]


def _data(run: Run, arms: tuple[str, ...], shown: tuple[Chart, ...]) -> dict[str, Any]:
    styles = arm_styles(arms)
    return {
        "end": end_s(run),
        "bands": [[round(window.from_s, 2), round(window.to_s, 2)] for window in run.fault_windows],
        "phases": [[name, *run.scenario.phases.window(name)] for name in PHASES],
        "arms": {arm: {"key": style.key, "marker": style.marker} for arm, style in styles.items()},
        "charts": [drawing(chart) for chart in shown],
    }  # fmt: skip


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("chaos.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["together"] = together
    return environment


def together(text: str) -> Markup:
    """Escape a text and keep its figures and their units on one line."""
    return Markup(_BEFORE_UNIT.sub("&nbsp;", str(escape(text))))  # noqa: S704 - the text was escaped just before


def _inline(name: str) -> Markup:
    return Markup((_HERE / "templates" / name).read_text(encoding="utf-8"))  # noqa: S704 - the project's own file


def _vendored(name: str) -> Markup:
    return Markup((_HERE / "vendor" / name).read_text(encoding="utf-8"))  # noqa: S704 - the project's own file
