"""The page of a comparison: both runs, each with its table, its charts and the sentence that says why."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chaos.compare.rows import ArmRow, arm_rows
from chaos.compare.words import table, why
from chaos.errors import RunFolderError
from chaos.report.arms import arm_styles
from chaos.report.axis import arm_names
from chaos.report.charts import Chart
from chaos.report.evidence_words import held_line
from chaos.report.facts import about_line
from chaos.report.handler_pictures import lag_chart, tokens_chart
from chaos.report.parts import VERDICT_KEYS, assets, drawn, environment, picture
from chaos.report.pictures import in_time_chart, latency_chart
from chaos.report.recorded import Recorded, read_recorded
from chaos.report.summary import first_failure, proves_nothing
from chaos.run import Run


@dataclass(frozen=True, slots=True)
class Compared:
    """A run, its figures an arm, and the folder it came from."""

    recorded: Recorded
    rows: tuple[ArmRow, ...]
    folder: Path

    @property
    def run(self) -> Run:
        """Return the run itself."""
        return self.recorded.run


def compared(folder: Path) -> Compared:
    """Read a run folder; raises RunFolderError."""
    recorded = read_recorded(folder)
    return Compared(recorded, arm_rows(recorded), folder.resolve())


def write_comparison(path: Path, runs: Sequence[Compared], worst: Run) -> None:
    """Write the page of a comparison; raises RunFolderError where it cannot be written."""
    try:
        path.write_text(render(runs, worst, path.resolve().parent), encoding="utf-8")
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be written ({error.strerror}); free the disk, then again") from error


def render(runs: Sequence[Compared], worst: Run, folder: Path) -> str:
    """Return the page as HTML; its links lead from `folder` to the full reports."""
    return environment().get_template("compare.html.j2").render(
        parts=[_part(one, folder) for one in runs],
        styles=arm_styles([arm for one in runs for arm in arm_names(one.run)]),
        worst=worst.verdict.word, worst_key=VERDICT_KEYS[worst.verdict.word], seed=worst.seed,
        **assets(),
    )  # fmt: skip


def _part(one: Compared, folder: Path) -> dict[str, Any]:
    run = one.run
    shown = _charts(one.recorded)
    return {
        "run": run, "key": run.scenario.name, "verdict_key": VERDICT_KEYS[run.verdict.word],
        "arms": arm_names(run), "table": table(one.rows), "why": why(one.rows),
        "lack": proves_nothing(run) or first_failure(run), "held_line": held_line(run), "about_line": about_line(run),
        "faults": list(dict.fromkeys(window.title for window in run.fault_windows)),
        "charts": [picture(chart, run) for chart in shown], "data": drawn(run, arm_names(run), shown),
        "report": Path(os.path.relpath(one.folder / "report.html", folder)).as_posix(),
    }  # fmt: skip


def _charts(recorded: Recorded) -> tuple[Chart, ...]:
    """Return the charts of a run, each with a key of its own on this page."""
    found = (in_time_chart(recorded), latency_chart(recorded), lag_chart(recorded), tokens_chart(recorded))
    name = recorded.run.scenario.name
    return tuple(replace(chart, key=f"{name}-{chart.key}") for chart in found if chart is not None)
