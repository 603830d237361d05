"""Writes down what every service says of itself, twice a second, and answers for it while the run goes on.

A service that is too busy to answer in time is a finding, so a miss is recorded as a miss.
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, Self

from chaos.errors import RunFolderError
from chaos.recording import metrics_file
from chaos.recording.announcer import RELAY
from chaos.recording.exposition import select
from chaos.recording.metrics_file import Scrape
from chaos.recording.scraper import Scraped, Scraper, key
from chaos.shield import first_error
from resilience.clock import Clock
from services.common.metrics import DB_POOL_USED, HTTP_IN_FLIGHT

FLUSH_S = 1.0
IDLE_POLL_S = 0.05


class Recorder:
    """Scrapes while its block is entered; reading goes on afterwards. Times are seconds after t0, negative before it.

    Rows wait in memory until `start_of_time` has said when t0 is; from then on they are on disk within FLUSH_S.
    """

    def __init__(self, services: Sequence[Scraped], path: Path, *, clock: Clock) -> None:
        self._scraper = Scraper(services, self._note, clock=clock)
        self._path = path
        self._clock = clock
        self._t0: float | None = None
        # Instants in here are the clock's own.
        self._seen: dict[tuple[str, str], list[Scrape]] = {key(service): [] for service in services}
        self._waiting: list[Scrape] = []

    async def __aenter__(self) -> Self:
        await self._scraper.__aenter__()
        self._flusher = asyncio.create_task(self._flush_now_and_then(), name="write metrics")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop scraping and write the rest; raises RunFolderError where the file could not be written."""
        self._flusher.cancel()
        (end,) = await asyncio.gather(self._flusher, return_exceptions=True)
        await self._scraper.__aexit__(*exc_info)
        if isinstance(end, Exception):
            raise end
        self._flush()

    async def watch(self) -> NoReturn:
        """Run beside a run: raises RunFolderError as soon as the file cannot be written."""
        await first_error([*self._scraper.tasks, self._flusher])

    def start_of_time(self, t0: float) -> None:
        """Say when t0 is, an instant of the clock."""
        self._t0 = t0

    def latest(self, arm: str, service: str, metric: str, **labels: str) -> float | None:
        """Return a metric's newest value, summed over its series that carry `labels`; None after a miss."""
        scrapes = self._seen.get((arm, service))
        newest = scrapes[-1].samples if scrapes else None
        return None if newest is None else select(newest, metric, labels)

    def series(self, arm: str, service: str, metric: str, **labels: str) -> list[tuple[float, float]]:
        """Return (seconds after t0, value) of a metric, summed as in `latest`; a miss leaves a gap."""
        found = []
        for scrape in self._seen.get((arm, service), []):
            value = None if scrape.samples is None else select(scrape.samples, metric, labels)
            if value is not None:
                found.append((self._since_t0(scrape.t), value))
        return found

    def busy(self) -> str:
        """Say which services were not at rest when last asked, or nothing where all were."""
        return self._busy_since(-math.inf)

    def idle(self) -> bool:
        """Return whether every service answered, with no request in flight and no database connection in use."""
        return not self.busy()

    async def wait_idle(self, within_s: float) -> str:
        """Wait until every service has been asked anew and is at rest; return what was not after `within_s`."""
        asked = self._clock.now()
        while busy := self._busy_since(asked):
            if self._clock.now() - asked >= within_s:
                return busy
            await self._clock.sleep(IDLE_POLL_S)
        return ""

    def _busy_since(self, asked: float) -> str:
        complaints = []
        for (arm, service), scrapes in self._seen.items():
            # No customer's request goes there: whether it rests, or answers, says nothing about the run.
            if service == RELAY:
                continue
            newest = scrapes[-1] if scrapes and scrapes[-1].t >= asked else None
            if newest is None or newest.samples is None:
                why = newest.error if newest else "not asked yet"
                complaints.append(f"{arm} {service}: /metrics: {why}")
                continue
            if in_flight := select(newest.samples, HTTP_IN_FLIGHT, {}):
                complaints.append(f"{arm} {service}: {in_flight:g} requests in flight")
            if used := select(newest.samples, DB_POOL_USED, {}):
                complaints.append(f"{arm} {service}: {used:g} database connections in use")
        return "; ".join(complaints)

    def _note(self, scrape: Scrape) -> None:
        self._seen[scrape.arm, scrape.service].append(scrape)
        self._waiting.append(scrape)

    async def _flush_now_and_then(self) -> None:
        while True:
            await self._clock.sleep(FLUSH_S)
            if self._t0 is not None:
                self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        rows = [replace(one, t=self._since_t0(one.t)) for one in waiting]
        try:
            metrics_file.append(self._path, rows)
        except OSError as error:
            raise RunFolderError(f"{self._path}: cannot be written: {error.strerror}") from error

    def _since_t0(self, instant: float) -> float:
        return instant - (self._clock.now() if self._t0 is None else self._t0)
