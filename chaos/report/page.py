"""The page of a run: everything that was read, computed and worded elsewhere, put into one self-contained file."""

from pathlib import Path

from chaos.errors import RunFolderError
from chaos.report import figure_words, tables
from chaos.report.arms import arm_styles
from chaos.report.axis import arm_names
from chaos.report.commands import commands
from chaos.report.evidence_words import evidence_label, evidence_line, held_line
from chaos.report.facts import about_line, facts
from chaos.report.ledger_rows import ledger_rows, named_rows
from chaos.report.moved import moved_series
from chaos.report.outcomes import bars, total_text
from chaos.report.parts import VERDICT_KEYS, assets, drawn, environment, picture
from chaos.report.pictures import charts
from chaos.report.recorded import Recorded, read_recorded
from chaos.report.settings_table import settings_groups
from chaos.report.summary import measured, missing, proves_nothing
from chaos.run_folder import RunFolder


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
    return environment().get_template("report.html.j2").render(
        run=run, arms=arms, styles=arm_styles(arms), verdict_key=VERDICT_KEYS[run.verdict.word],
        doubt=proves_nothing(run), measured=measured(run), missing=missing(run),
        evidence_line=evidence_line(run, recorded.probes), evidence_label=evidence_label,
        held_line=held_line(run), about_line=about_line(run),
        fault_seen=all(one.holds for one in run.evidence if one.name.startswith("fault_seen")),
        fault_titles=list(dict.fromkeys(window.title for window in run.fault_windows)),
        charts=[picture(chart, run) for chart in shown], bars=bars(recorded.requests, run, arms), total_text=total_text,
        primary=tables.phase_table(run, arms, figure_words.PRIMARY), everything=tables.phase_table(run, arms),
        expectations=tables.expectation_rows(run), ledger=ledger_rows(run.ledger), named=named_rows(run.ledger),
        settings=settings_groups(run), moved=moved, still=still, facts=facts(run),
        commands=commands(run, folder_name), scenario_text=recorded.scenario_text, logs=recorded.logs,
        notes=recorded.notes, data=drawn(run, arms, shown), **assets(),
    )  # fmt: skip
