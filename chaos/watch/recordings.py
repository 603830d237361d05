"""Where recorded samples come from: the file of a run, read as it grows, or a lab that is up and that nobody records.

Both fill a database that one thread alone touches.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from chaos.engines.state import LabState
from chaos.recording import metrics_file
from chaos.recording.buckets import BucketReader
from chaos.recording.metrics_file import Scrape
from chaos.recording.scraper import Scraper
from chaos.watch.promql.database import Database
from chaos.watch.promql.vectors import MS
from resilience.clock import SystemClock

# A lab may be up for days; the page shows the last ten minutes.
KEEP_MS = 15 * 60 * MS
# gzip, by its own header.
_GZIP = 31
_AT_ONCE = 8 * 2**20


class Recording(Protocol):
    """Something whose database can be brought up to date."""

    @property
    def database(self) -> Database:
        """Return the samples so far."""

    def update(self) -> None:
        """Take over what has come since the last call."""


class _Filler:
    """Puts scrapes into a database. Prometheus' own two labels stand for what Prometheus would have added."""

    def __init__(self) -> None:
        self.database = Database()
        self._buckets: dict[tuple[str, str], BucketReader] = {}

    def add(self, scrape: Scrape, at_ms: int) -> None:
        key = (scrape.service, scrape.arm)
        samples = scrape.samples or {}
        instance = f"{scrape.service}-{scrape.arm}" if scrape.arm else scrape.service
        extra = {"job": "shop" if scrape.arm else scrape.service, "instance": instance}
        self.database.table((*key, "samples"), extra).add(at_ms, samples)
        if scrape.buckets is not None or scrape.samples is None:
            reader = self._buckets.setdefault(key, BucketReader())
            self.database.table((*key, "buckets"), extra).add(at_ms, reader.samples(scrape.buckets or {}, samples))


class RunRecording:
    """metrics.jsonl.gz of a run. `t0_s` is the run's t0 in seconds since 1970, to which its times are relative."""

    def __init__(self, path: Path, t0_s: float) -> None:
        self._path = path
        self._t0_ms = t0_s * MS
        self._offset = 0
        self._filler = _Filler()

    @property
    def database(self) -> Database:
        """Return the samples so far."""
        return self._filler.database

    def update(self) -> None:
        """Read what was written since; a damaged rest is left out, for a killed run ends in one."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                while data := file.read(_AT_ONCE):
                    read = self._take(data)
                    if not read:
                        return
                    self._offset += read
                    file.seek(self._offset)
        except (OSError, zlib.error, KeyError, ValueError, TypeError):
            return

    def _take(self, data: bytes) -> int:
        """Take over every whole member of the file; returns how many bytes they were."""
        rest = data
        while rest:
            member = zlib.decompressobj(_GZIP)
            text = member.decompress(rest)
            if not member.eof:
                break
            for line in text.decode().splitlines():
                scrape = metrics_file.parsed(line)
                self._filler.add(scrape, round(self._t0_ms + scrape.t * MS))
            rest = member.unused_data
        return len(data) - len(rest)


@dataclass(frozen=True, slots=True)
class _Door:
    """A service of a lab that is up."""

    service: str
    arm: str | None
    url: str


def doors(state: LabState) -> Sequence[_Door]:
    """Return which of a lab's processes have metrics: our services, which are named `service-slot`."""
    return [
        _Door(child.name.rpartition("-")[0] if child.arm else child.name, child.arm, child.url)
        for child in state.children
        if child.url
    ]


class LabRecording:
    """A lab that is up, scraped by us while the block is entered, kept in memory."""

    def __init__(self, state: LabState, clock: SystemClock) -> None:
        self.pid = state.pid
        self._clock = clock
        self._filler = _Filler()
        self._waiting: list[tuple[Scrape, int]] = []
        self.scraper = Scraper(doors(state), self._note, clock=clock)

    @property
    def database(self) -> Database:
        """Return the samples so far."""
        return self._filler.database

    def update(self) -> None:
        """Take over what was scraped since, and drop what is too old to be shown."""
        waiting, self._waiting = self._waiting, []
        for scrape, at_ms in waiting:
            self._filler.add(scrape, at_ms)
        self.database.forget_before(round(self._clock.wall() * MS) - KEEP_MS)

    def _note(self, scrape: Scrape) -> None:
        # A scrape is dated by the clock that does not jump; the page's time is the other one.
        at_s = self._clock.wall() - (self._clock.now() - scrape.t)
        self._waiting.append((scrape, round(at_s * MS)))
