"""requests.csv as it grows: one row a request an arm, on disk within a quarter of a second of its end.

The lab reads the file while it grows, and a run that is killed keeps what it had.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

FLUSH_S = 0.2


class Row(NamedTuple):
    """One request to one arm, in the order of the file's columns; the reader's words are in the lab's records."""

    arm: str
    kind: str
    seq: int
    intended_s: str
    lag_ms: str
    latency_ms: str
    status: int
    outcome: str
    key: str
    order_id: str
    retry_after_s: str
    stale: str


class Rows:
    """Writes rows in the order in which requests end; they wait in memory for `flush`, which alone touches the disk."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        """Create the file with its header; raises OSError."""
        self._now = now
        self._waiting: list[Row] = []
        self._file = path.open("w", newline="", encoding="utf-8")
        self._writer: Any = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(Row._fields)
        self._file.flush()
        self._flushed_at = now()

    def add(self, row: Row) -> None:
        """Take a row; it reaches the disk with the next flush."""
        self._waiting.append(row)

    def flush_when_due(self) -> None:
        """Write what waits, if the last time is FLUSH_S ago; raises OSError."""
        if self._now() - self._flushed_at >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write what waits; raises OSError."""
        waiting, self._waiting = self._waiting, []
        self._writer.writerows(waiting)
        self._file.flush()
        self._flushed_at = self._now()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            self.flush()
        finally:
            self._file.close()
