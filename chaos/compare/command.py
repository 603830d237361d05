"""`lab compare-handlers`: both scenarios, one after the other, as `lab run` runs them, then one page of both."""

import signal
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from chaos.commands import root_of, run
from chaos.compare.page import Compared, compared, write_comparison
from chaos.compare.words import table
from chaos.interrupt import Interrupted
from chaos.judging.verdict import SEVERITY
from chaos.run import EXIT_CODES, Run
from chaos.run_folder import RunFolder
from chaos.scenario.file import load_scenario
from resilience.clock import SystemClock

NAME = "compare-handlers"
SCENARIOS = ("sync-vs-async", "blocking-call")


def compare_handlers(options: Namespace) -> int:
    """Run both scenarios and write the page of both; returns the exit code of the worse verdict.

    A run that is interrupted ends the comparison with its exit code, and no page is written.
    """
    root = root_of(options)
    runs: Path = options.runs if options.runs is not None else root / "runs"
    for name in SCENARIOS:
        # Before the first minute is spent, not after it.
        load_scenario(name, root=root)
    try:
        return _compare(options, runs)
    except KeyboardInterrupt:
        # Between two runs, or while the page is written: nothing is up.
        raise Interrupted(signal.SIGINT) from None


def _compare(options: Namespace, runs: Path) -> int:
    began_at = datetime.fromtimestamp(SystemClock().wall(), UTC)
    folders = []
    for name in SCENARIOS:
        code = run(Namespace(**{**vars(options), "name": name, "arms": None, "sets": []}))
        if code not in EXIT_CODES.values():
            return code
        folders.append((runs / name / "latest").resolve())
    found = [compared(folder) for folder in folders]
    overall = worst([one.run for one in found])
    folder = RunFolder.create(runs, NAME, began_at)
    # No process logs here: each run keeps its own.
    folder.logs.rmdir()
    write_comparison(folder.report_html, found, overall)
    folder.make_latest()
    for line in ending(found, RunFolder(folder.path.parent / "latest").shown()):
        print(line)
    return overall.verdict.exit_code


def worst(runs: Sequence[Run]) -> Run:
    """Return the run with the worst verdict, the first of equals."""
    return max(runs, key=lambda one: SEVERITY[one.verdict.word])


def ending(found: Sequence[Compared], folder: str) -> list[str]:
    """Return the lines that end a comparison; `folder` is where its page is."""
    lines = ["", f"{worst([one.run for one in found]).verdict.word}  {NAME}, seed {found[0].run.seed}"]
    for one in found:
        lines.append(f"  {one.run.scenario.name}: {one.run.verdict.word}")
        figures = [line for line in table(one.rows) if line.short]
        first = max(len(line.label) for line in figures) + 2
        widths = [max(len(line.cells[index]) for line in figures) + 2 for index in range(len(one.rows))]
        lines.append(_columns("", [row.arm for row in one.rows], first, widths))
        lines += [_columns(line.label, line.cells, first, widths) for line in figures]
    return [*lines, f"  report: {folder}/report.html"]


def _columns(label: str, cells: Sequence[str], first: int, widths: Sequence[int]) -> str:
    return f"    {label:<{first}}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
