"""What the load generator writes down: one row a request an arm, in requests.csv of the run folder.

Pictures come from histograms, verdicts come from these rows. Times are seconds after `t0`, the first possible arrival;
latency counts from the *intended* instant, so a late generator or a queue of our own making cannot hide a wait.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from chaos.scenario import Kind

# answered: 2xx. refused: 429 or 503, the service said no. failed: any other status, or the connection broke.
# gave_up: the customer's patience ended first. skipped: never sent, the generator had too many in flight.
Outcome = Literal["answered", "refused", "failed", "gave_up", "skipped"]

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


def parse_row(row: dict[str, str]) -> Request:
    """Turn one CSV row into a Request; raises KeyError or ValueError on a damaged row."""
    return Request(
        arm=row["arm"],
        kind=cast("Kind", row["kind"]),
        seq=int(row["seq"]),
        intended_s=float(row["intended_s"]),
        lag_ms=float(row["lag_ms"]),
        latency_ms=float(row["latency_ms"]),
        status=int(row["status"]),
        outcome=cast("Outcome", row["outcome"]),
        key=row["key"],
        order_id=row["order_id"],
        retry_after_s=float(row["retry_after_s"]) if row["retry_after_s"] else None,
        stale=row["stale"] == "1",
    )


def read_requests(path: Path) -> list[Request]:
    """Read requests.csv; raises FileNotFoundError, KeyError, ValueError."""
    with path.open(newline="") as file:
        return [parse_row(row) for row in csv.DictReader(file)]


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
    """Read probes.csv; raises FileNotFoundError, KeyError, ValueError."""
    with path.open(newline="") as file:
        return [
            Probe(float(row["t_s"]), row["arm"], row["link"], float(row["ms"]) if row["ms"] else None, row["error"])
            for row in csv.DictReader(file)
        ]
