"""What the load generator writes down: one row a request an arm, in requests.csv of the run folder.

Pictures come from histograms, verdicts come from these rows. Times are seconds after `t0`, the first possible arrival;
latency counts from the *intended* instant, so a late generator or a queue of our own making cannot hide a wait.
"""

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

from chaos.scenario import ARM_PATTERN, KINDS, Kind

# answered: 2xx. refused: 429 or 503, the service said no. failed: any other status, or the connection broke.
# gave_up: the customer's patience ended first. skipped: never sent, the generator had too many in flight.
Outcome = Literal["answered", "refused", "failed", "gave_up", "skipped"]

Record = TypeVar("Record")
_ARM = re.compile(ARM_PATTERN)

COLUMNS = (
    "arm", "kind", "seq", "intended_s", "lag_ms", "latency_ms", "status", "outcome", "key", "order_id", "retry_after_s",
    "stale",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """One request to one arm.

    `seq` numbers the arrivals of the schedule: rows of different arms with one `seq` are a pair. `lag_ms` is sent minus
    intended. `latency_ms` of a request that gave up is the patience. `status` is 0 where no answer came.
    """

    arm: str
    kind: Kind
    seq: int
    intended_s: float
    lag_ms: float
    latency_ms: float
    status: int
    outcome: Outcome
    key: str
    order_id: str
    retry_after_s: float | None
    stale: bool


def parse_row(row: Mapping[str, str]) -> Request:
    """Turn one CSV row into a Request; raises ValueError, naming the column, on a damaged or cut row."""
    _check_width(row)
    return Request(
        arm=_arm(row["arm"]),
        kind=cast("Kind", _word(row, "kind", KINDS)),
        seq=_whole(row, "seq"),
        intended_s=_finite(row, "intended_s"),
        lag_ms=_finite(row, "lag_ms"),
        latency_ms=_finite(row, "latency_ms"),
        status=_whole(row, "status"),
        outcome=cast("Outcome", _word(row, "outcome", get_args(Outcome))),
        key=row["key"],
        order_id=row["order_id"],
        retry_after_s=_finite(row, "retry_after_s") if row["retry_after_s"] else None,
        stale=_word(row, "stale", ("0", "1")) == "1",
    )


def read_requests(path: Path) -> list[Request]:
    """Read requests.csv; raises OSError, or ValueError with the number of a damaged row (the header is row 1)."""
    return _read(path, COLUMNS, parse_row)


@dataclass(frozen=True, slots=True)
class Probe:
    """One exchange of the lab's own through a link: `ms` is None where it failed, then `error` says how."""

    t_s: float
    arm: str
    link: str
    ms: float | None
    error: str = ""


PROBE_COLUMNS = ("t_s", "arm", "link", "ms", "error")


def probe_rows(probes: Iterable[Probe]) -> Iterator[tuple[str, ...]]:
    """Yield the rows of probes.csv."""
    for probe in probes:
        yield f"{probe.t_s:.4f}", probe.arm, probe.link, "" if probe.ms is None else f"{probe.ms:.3f}", probe.error


def read_probes(path: Path) -> list[Probe]:
    """Read probes.csv; raises as `read_requests` does."""
    return _read(path, PROBE_COLUMNS, _parse_probe)


def _parse_probe(row: Mapping[str, str]) -> Probe:
    _check_width(row)
    ms = _finite(row, "ms") if row["ms"] else None
    return Probe(_finite(row, "t_s"), _arm(row["arm"]), row["link"], ms, row["error"])


def _read(path: Path, columns: Sequence[str], parse: Callable[[Mapping[str, str]], Record]) -> list[Record]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        try:
            _check_header(rows.fieldnames or (), columns)
            return [parse(row) for row in rows]
        except (csv.Error, ValueError) as error:
            # What is not text fails before its line is counted; the number is then the last good one's.
            raise ValueError(f"row {rows.line_num}: {error}") from error


def _check_header(names: Sequence[str], columns: Sequence[str]) -> None:
    if tuple(names) != tuple(columns):
        raise ValueError(f"the columns must be {','.join(columns)}, not {','.join(names) or 'none'}")


def _check_width(row: Mapping[Any, Any]) -> None:
    """Refuse a row that has more or fewer values than columns; csv marks both with None."""
    missing = [name for name, value in row.items() if value is None]
    if missing:
        raise ValueError(f"is cut: no {missing[0]}")
    if None in row:
        raise ValueError("has more values than columns")


def _arm(text: str) -> str:
    if not _ARM.fullmatch(text):
        raise ValueError(f"arm: {text!r} is no name of an arm")
    return text


def _word(row: Mapping[str, str], column: str, known: Sequence[str]) -> str:
    if row[column] not in known:
        raise ValueError(f"{column}: {row[column]!r} is none of {', '.join(known)}")
    return row[column]


def _whole(row: Mapping[str, str], column: str) -> int:
    # int() would also take +7, 1_000 and blanks around, which no generator writes.
    if not (row[column].isascii() and row[column].isdecimal()):
        raise ValueError(f"{column}: {row[column]!r} is no whole number")
    return int(row[column])


def _finite(row: Mapping[str, str], column: str) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{column}: {row[column]!r} is no finite number")
    return value
