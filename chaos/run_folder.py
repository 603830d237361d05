"""The folder of one run: runs/<scenario>/<UTC time>/, and `latest`, which moves only when a run has finished.

A run that is interrupted keeps its folder (logs and records explain it) but never becomes `latest`, so an earlier
result is never lost to a later accident.
"""

import csv
import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import yaml

from chaos.errors import RunFolderError
from chaos.records import PROBE_COLUMNS, Probe, probe_rows
from chaos.run import Run
from chaos.scenario import Scenario

MIN_FREE_MIB = 100
# What a disk says that takes no more.
UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO}


class RunFolder:
    """Where one run writes. Paths are absolute; every file the lab writes into it is named here."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self.run_json = path / "run.json"
        self.scenario_yaml = path / "scenario.yaml"
        self.requests_csv = path / "requests.csv"
        self.probes_csv = path / "probes.csv"
        self.metrics_jsonl = path / "metrics.jsonl.gz"
        self.report_html = path / "report.html"

    @classmethod
    def create(cls, runs: Path, scenario: str, started_at: datetime) -> "RunFolder":
        """Make the folder of a run that starts now; `started_at` is UTC.

        Raises RunFolderError when `runs` cannot be written or its disk has less than 100 MiB left.
        """
        folder = cls(runs.resolve() / scenario / started_at.strftime("%Y-%m-%dT%H%M%SZ"))
        try:
            folder.logs.mkdir(parents=True)
            free_mib = shutil.disk_usage(folder.path).free // 2**20
        except FileExistsError as error:
            raise RunFolderError(
                f"{error.filename}: is in the way of a run folder; move it, or name another with --runs"
            ) from error
        except OSError as error:
            raise RunFolderError(
                f"{runs}: cannot be written ({error.strerror}); free it, or name another with --runs"
            ) from error
        if free_mib < MIN_FREE_MIB:
            shutil.rmtree(folder.path)
            raise RunFolderError(
                f"{runs}: only {free_mib} MiB free, a run needs {MIN_FREE_MIB}; free some, or use --runs"
            )
        return folder

    def write_scenario(self, scenario: Scenario, source: Path | None) -> None:
        """Keep the scenario as it runs: its own file where nothing was changed, else written out anew."""
        if source is not None:
            shutil.copyfile(source, self.scenario_yaml)
            return
        data = scenario.model_dump(mode="json", exclude={"name"}, exclude_none=True)
        self.scenario_yaml.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")

    def write_probes(self, probes: Iterable[Probe]) -> None:
        """Write probes.csv."""
        with self.probes_csv.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(PROBE_COLUMNS)
            writer.writerows(probe_rows(probes))

    def shown(self) -> str:
        """Return the folder as a reader here would type it."""
        here = Path.cwd()
        return str(self.path.relative_to(here) if self.path.is_relative_to(here) else self.path)

    @contextmanager
    def kept_if_used(self) -> Iterator[None]:
        """Turn a full or unwritable disk into RunFolderError; take an unused folder away again.

        Unused is a folder without a process's log: nothing had been started.
        """
        try:
            yield
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            raise RunFolderError(f"{self.shown()}: cannot be written: {error.strerror}; logs are there") from error
        finally:
            if not any(self.logs.iterdir()):
                shutil.rmtree(self.path)
                # The scenario's own folder may have been made for this run alone.
                with suppress(OSError):
                    self.path.parent.rmdir()

    def finish(self, run: Run) -> None:
        """Write run.json whole or not at all."""
        temporary = self.run_json.with_suffix(".tmp")
        temporary.write_text(run.model_dump_json(indent=1) + "\n", encoding="utf-8")
        temporary.replace(self.run_json)

    def make_latest(self) -> None:
        """Point `latest` beside the run at this run, in one step."""
        link = self.path.parent / "latest"
        temporary = link.with_name(f".latest-{os.getpid()}")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(self.path.name)
        temporary.replace(link)


def find_run(runs: Path, wanted: str | None) -> RunFolder:
    """Find a finished run: a path, `<scenario>`, `<scenario>/<time>`, or None for the newest of all.

    Raises RunFolderError naming what is there instead.
    """
    if wanted is not None:
        for candidate in (Path(wanted), runs / wanted, runs / wanted / "latest"):
            if (candidate / "run.json").is_file():
                return RunFolder(candidate.resolve())
    finished = sorted(runs.glob("*/*/run.json"), key=lambda path: path.parent.resolve().name)
    if wanted is None and finished:
        return RunFolder(finished[-1].parent.resolve())
    known = (
        ", ".join(sorted({path.parent.parent.name for path in finished})) or "none yet; make scenario-slow-db makes one"
    )
    what = f"{wanted}: no finished run of that name" if wanted else f"{runs}: no finished run"
    raise RunFolderError(f"{what}. Finished: {known}")
