"""The left of the page: the scenarios with their question and last verdict, and the runs, newest first."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.errors import LabError, UsageError
from chaos.run_folder import RunFolder
from chaos.scenario import Phase, Scenario
from chaos.scenario.file import FOLDER, Listed, list_scenarios, load_scenario

PHASES: tuple[Phase, ...] = ("settle", "baseline", "fault", "recovery")
MOST_RUNS = 200
_SCENARIO = re.compile(r"[A-Za-z0-9][\w-]{0,60}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{6}Z")
# What of a run folder is shown, and as what.
_FILES = re.compile(r"report\.html|run\.json|scenario\.yaml|requests\.csv|probes\.csv|logs/[\w.-]{1,80}\.log")


@dataclass(frozen=True, slots=True)
class Told:
    """What run.json says in short. `bands` are the windows in which a fault was in force, seconds after t0."""

    verdict: str
    seed: int
    arms: tuple[str, ...]
    bands: tuple[tuple[str, float, float], ...]
    end_s: float


class Library:
    """Reads the checkout's scenarios and runs. A finished run never changes, so it is read once."""

    def __init__(self, root: Path, runs: Path) -> None:
        self._root = root
        self._runs = runs
        self._told: dict[Path, Told | None] = {}
        self._ran: dict[Path, Scenario] = {}
        self._listed: tuple[object, tuple[Listed, ...]] = (None, ())

    def scenarios(self) -> list[dict[str, Any]]:
        """Return each scenario's name, question (or what is wrong with its file) and last verdict."""
        verdicts: dict[str, str] = {}
        for folder in self.folders():
            if (told := self.told(folder)) is not None:
                verdicts.setdefault(folder.path.parent.name, told.verdict)
        return [
            {
                "name": one.name,
                "question": one.scenario.question if one.scenario else one.problem,
                "verdict": verdicts.get(one.name),
            }
            for one in self._scenarios()
        ]

    def runs(self) -> list[dict[str, Any]]:
        """Return the newest runs, those without a verdict too, for they were recorded as well."""
        found = []
        for folder in self.folders()[:MOST_RUNS]:
            told = self.told(folder)
            found.append({
                "run": run_name(folder), "scenario": folder.path.parent.name, "time": folder.path.name,
                "verdict": told.verdict if told else None, "seed": told.seed if told else None,
                "report": folder.report_html.is_file(),
            })  # fmt: skip
        return found

    def folders(self) -> list[RunFolder]:
        """Return every run's folder, newest first."""
        # What `make load` leaves lies beside the runs, and is none.
        found = [
            path
            for path in self._runs.glob("*/*")
            if _TIME.fullmatch(path.name) and not path.is_symlink() and (path / "scenario.yaml").is_file()
        ]
        return [RunFolder(path) for path in sorted(found, key=lambda path: path.name, reverse=True)]

    def folder(self, run: str) -> RunFolder:
        """Return the folder of `<scenario>/<time>`; raises UsageError for anything else."""
        scenario, slash, time = run.partition("/")
        if not slash or not _SCENARIO.fullmatch(scenario) or not _TIME.fullmatch(time):
            raise UsageError(f"{run[:80]!r}: a run is named <scenario>/<time>")
        path = self._runs / scenario / time
        if not path.is_dir():
            raise UsageError(f"{run}: there is no such run")
        return RunFolder(path)

    def file(self, run: str, name: str) -> Path:
        """Return a file of a run that may be shown; raises UsageError."""
        path = self.folder(run).path / name
        if not _FILES.fullmatch(name) or not path.is_file():
            raise UsageError(f"{run}: no {name[:80]!r} to show")
        return path

    def told(self, folder: RunFolder) -> Told | None:
        """Return what a finished run says, None where it has not finished."""
        if self._told.get(folder.path) is None:
            self._told[folder.path] = _told(folder.run_json)
        return self._told[folder.path]

    def scenario(self, folder: RunFolder) -> Scenario | None:
        """Return a run's scenario as it ran, None where its file cannot be read."""
        if folder.path not in self._ran:
            try:
                scenario = load_scenario(str(folder.scenario_yaml), root=self._root)
            except (LabError, OSError):
                return None
            self._ran[folder.path] = scenario.model_copy(update={"name": folder.path.parent.name})
        return self._ran[folder.path]

    def _scenarios(self) -> tuple[Listed, ...]:
        """Return the scenarios; their files are read again where one of them was written."""
        files = sorted((self._root / FOLDER).glob("*"))
        written = tuple((path.name, path.stat().st_mtime_ns) for path in files if path.is_file())
        if written != self._listed[0]:
            self._listed = (written, list_scenarios(self._root))
        return self._listed[1]


def run_name(folder: RunFolder) -> str:
    """Return how a run is called: `<scenario>/<time>`."""
    return f"{folder.path.parent.name}/{folder.path.name}"


def t0_of(folder: RunFolder) -> float | None:
    """Return a run's t0 in seconds since 1970, None where its load has not begun."""
    try:
        return float(json.loads((folder.path / "load.go").read_text())["t0"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _told(path: Path) -> Told | None:
    # Read as plain JSON: typed models would take ten times as long for a hundred runs, and older runs are shown, too.
    try:
        data: Mapping[str, Any] = json.loads(path.read_bytes())
        bands = tuple((one["title"], float(one["from_s"]), float(one["to_s"])) for one in data["fault_windows"])
        return Told(
            verdict=data["verdict"]["word"],
            seed=data["seed"],
            arms=tuple(arm["name"] for arm in data["scenario"]["arms"]),
            bands=bands,
            end_s=max(float(phase["to_s"]) for phase in data["timeline"] if phase["phase"] != "ledger"),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
