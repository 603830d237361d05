"""metrics.jsonl.gz: one JSON object a scrape, readable at every moment of a run and after its sudden end."""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.recording.buckets import Buckets

# Level 6 would take four times as long for a tenth less.
LEVEL = 1


@dataclass(frozen=True, slots=True)
class Scrape:
    """One look at one service's /metrics, `t` seconds after t0. `samples` is None for a miss, then `error` says why.

    `buckets` is None where they were not looked at, else what changed in them (chaos.recording.buckets).
    """

    t: float
    service: str
    arm: str
    samples: Mapping[str, float] | None
    error: str = ""
    buckets: Buckets | None = None

    def line(self) -> str:
        """Return the JSON line of this scrape."""
        row: dict[str, Any] = {"t": round(self.t, 4), "service": self.service, "arm": self.arm, "samples": self.samples}
        if self.buckets is not None:
            row["buckets"] = self.buckets
        if self.error:
            row["error"] = self.error
        return json.dumps(row, separators=(",", ":"))


def append(path: Path, scrapes: list[Scrape]) -> None:
    """Add scrapes as a gzip member of its own, so that what is there already is whole; raises OSError."""
    if scrapes:
        text = "".join(scrape.line() + "\n" for scrape in scrapes)
        with path.open("ab") as file:
            file.write(gzip.compress(text.encode(), LEVEL))


def read(path: Path) -> Iterator[Scrape]:
    """Yield the scrapes of a file, up to where a killed run stopped writing. Raises OSError, KeyError, ValueError."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        while True:
            try:
                line = file.readline()
            except (EOFError, zlib.error):
                return
            if not line.endswith("\n"):
                return
            yield parsed(line)


def parsed(line: str) -> Scrape:
    """Return the scrape of a JSON line, older ones (without buckets) included; raises KeyError, ValueError."""
    row = json.loads(line)
    return Scrape(row["t"], row["service"], row["arm"], row["samples"], row.get("error", ""), row.get("buckets"))
