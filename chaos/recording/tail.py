"""requests.csv read while it grows, for the figures on the terminal.

Only a look: the verdict reads the whole file again when the run is over.
"""

import csv
import io
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from chaos.judging.quantiles import percentile
from chaos.records import COLUMNS, Request, parse_row
from chaos.scenario import Kind

WINDOW_S = 1.0
# The generator flushes five times a second: a window that ended now would miss the newest rows.
FLUSH_LAG_S = 0.25


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """What one arm did with one kind of request in the last second, by the instants at which requests ended."""

    in_time_per_s: float
    p95_ms: float | None
    # Of the requests that ended then. Derived, so not part of what makes two of them equal.
    in_time_share: float | None = field(default=None, compare=False)


NOTHING = LiveFigures(0.0, None)


class Tail:
    """Reads what has been added since the last look."""

    def __init__(self, path: Path, *, in_time_s: float) -> None:
        self.path = path
        self._in_time_ms = in_time_s * 1000
        self._offset = 0
        self._recent: deque[Request] = deque()

    def read(self) -> list[Request]:
        """Return the rows that became complete since the last call; none while there is no file. Raises OSError."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                grown = file.read()
        except FileNotFoundError:
            return []
        # A line without its end is still being written.
        whole = grown[: grown.rfind(b"\n") + 1]
        header = self._offset == 0
        self._offset += len(whole)
        rows = csv.DictReader(io.StringIO(whole.decode(), newline=""), COLUMNS)
        return [parse_row(row) for number, row in enumerate(rows) if not (header and number == 0)]

    def last_second(self, now_s: float) -> dict[tuple[str, Kind], LiveFigures]:
        """Return the figures of the second that has just passed; `now_s` counts from t0. Raises OSError.

        An arm and kind of which no request ended then is absent (NOTHING stands for it).
        """
        self._recent.extend(self.read())
        to_s = now_s - FLUSH_LAG_S
        from_s = to_s - WINDOW_S
        self._recent = deque(row for row in self._recent if _ended_s(row) > from_s)
        found: dict[tuple[str, Kind], list[Request]] = {}
        for row in self._recent:
            if _ended_s(row) <= to_s and row.outcome != "skipped":
                found.setdefault((row.arm, row.kind), []).append(row)
        return {key: self._figures(rows) for key, rows in found.items()}

    def _figures(self, rows: list[Request]) -> LiveFigures:
        in_time = sum(row.outcome == "answered" and row.latency_ms <= self._in_time_ms for row in rows)
        latencies = np.array([row.latency_ms for row in rows], dtype=float)
        return LiveFigures(in_time / WINDOW_S, percentile(latencies, 0.95), in_time / len(rows))


def _ended_s(row: Request) -> float:
    return row.intended_s + row.latency_ms / 1000
