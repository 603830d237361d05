"""What the end of a run shows from its folder: the probes behind the evidence, and the path of the report."""

from pathlib import Path

from chaos.records import Probe, read_probes
from chaos.run_folder import RunFolder
from chaos.terminal.ending import shown_path


def probes_of(folder: Path) -> list[Probe]:
    """Return the probes of a run folder, none where they cannot be read: the verdict is already known."""
    try:
        return read_probes(RunFolder(folder).probes_csv)
    except (OSError, KeyError, ValueError, TypeError):
        return []


def report_path(folder: Path) -> str:
    """Return the path of the report as a reader would type it from here."""
    try:
        return shown_path(RunFolder(folder).report_html, folder.parent / "latest", Path.cwd())
    except OSError:
        return str(RunFolder(folder).report_html)
