"""What a run folder holds, read once: the report of a run can be written again years later from its folder alone.

A run folder may be incomplete (no load, a recorder that ended early): what is missing is empty here and is said in
`notes`, so that a report shows the rest instead of failing.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from chaos.errors import RunFolderError
from chaos.recording import metrics_file
from chaos.recording.buckets import Buckets
from chaos.records import Probe, Request, read_probes, read_requests
from chaos.run import Run
from chaos.run_folder import RunFolder
from services.common.metrics import EVENT_LOOP_LAG

T = TypeVar("T", Request, Probe)
_Points = dict[tuple[str, str, str], list[tuple[float, float]]]
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one service: `points` are (seconds after t0, value), in the order of time."""

    service: str
    arm: str
    name: str
    labels: dict[str, str]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log of the run, by its path below the run folder, and its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run and everything that was recorded during it.

    `lags` tells of each process at each look at its histograms the highest bucket of its event loop's lag (the upper
    bound, in seconds) that grew since the look before. A process whose loop is blocked answers no look: its gauge is
    missing just when it is high, and the histogram tells it afterwards.
    """

    run: Run
    requests: tuple[Request, ...]
    probes: tuple[Probe, ...]
    series: tuple[Series, ...]
    scenario_text: str
    logs: tuple[LogFile, ...]
    notes: tuple[str, ...]
    lags: tuple[Series, ...] = ()


def read_recorded(path: Path) -> Recorded:
    """Read a run folder; raises RunFolderError when there is no run.json in it or a file is damaged."""
    folder = RunFolder(path)
    notes: list[str] = []
    run = _read_run(folder.run_json)
    series, lags = _read_series(folder.metrics_jsonl, notes)
    return Recorded(
        run=run,
        requests=tuple(_records(folder.requests_csv, notes, read_requests)),
        probes=tuple(_records(folder.probes_csv, notes, read_probes)),
        series=series,
        scenario_text=_read_scenario(folder.scenario_yaml, notes),
        logs=tuple(_logs(folder.path, folder.logs)),
        notes=tuple(notes),
        lags=lags,
    )


def parse_sample(key: str) -> tuple[str, dict[str, str]]:
    """Split `name{label="value"}` into its name and labels."""
    name, brace, rest = key.partition("{")
    return name, dict(_LABEL.findall(rest)) if brace else {}


def _read_run(path: Path) -> Run:
    try:
        return Run.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise RunFolderError(f"{path.parent}: no run.json, so no finished run; `lab run` makes one") from error
    except (OSError, ValidationError) as error:
        raise RunFolderError(
            f"{path}: cannot be read as a run ({_first_line(error)}); run the scenario again"
        ) from error


def _records(path: Path, notes: list[str], read: Callable[[Path], list[T]]) -> list[T]:
    try:
        records = read(path)
    except FileNotFoundError:
        records = []
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise RunFolderError(f"{path}: damaged ({_first_line(error)}); run the scenario again") from error
    if not records:
        notes.append(f"{path.name} holds no records")
    return records


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _read_scenario(path: Path, notes: list[str]) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        notes.append(f"{path.name} is not in the run folder")
        return ""


def _read_series(path: Path, notes: list[str]) -> tuple[tuple[Series, ...], tuple[Series, ...]]:
    """Return every series, and the highest buckets of the event loops' lags."""
    points: _Points = {}
    lags: _Points = {}
    missed = 0
    try:
        for scrape in metrics_file.read(path):
            missed += scrape.samples is None
            for key, value in (scrape.samples or {}).items():
                points.setdefault((scrape.service, scrape.arm, key), []).append((scrape.t, value))
            if (highest := _highest_lag(scrape.buckets or {})) is not None:
                lags.setdefault((scrape.service, scrape.arm, EVENT_LOOP_LAG), []).append((scrape.t, highest))
    except FileNotFoundError:
        notes.append(f"{path.name} is not in the run folder: no series of the services")
    except (OSError, KeyError, TypeError, ValueError) as error:
        notes.append(f"{path.name} is damaged ({_first_line(error)}): the series stop there")
    if missed:
        notes.append(f"{missed} samples of the services are missing: they did not answer the recorder in time")
    return _series(points), _series(lags)


def _highest_lag(buckets: Buckets) -> float | None:
    grown = (float(bound) for name, row in buckets.items() if name.startswith(f"{EVENT_LOOP_LAG}{{") for bound in row)
    return max(grown, default=None)


def _series(points: _Points) -> tuple[Series, ...]:
    found = []
    for (service, arm, key), values in points.items():
        name, labels = parse_sample(key)
        found.append(Series(service, arm, name, labels, tuple(sorted(values))))
    return tuple(sorted(found, key=lambda one: (one.service, one.arm, one.name, sorted(one.labels.items()))))


def _logs(root: Path, logs: Path) -> Iterator[LogFile]:
    if logs.is_dir():
        for path in sorted(logs.rglob("*")):
            if path.is_file():
                yield LogFile(path.relative_to(root).as_posix(), path.stat().st_size)
