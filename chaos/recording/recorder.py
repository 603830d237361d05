"""Writes down what every service says of itself, twice a second, and answers for it while the run goes on.

A service that is too busy to answer in time is a finding, so a miss is recorded as a miss.
"""

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, Protocol, Self

import aiohttp

from chaos.errors import RunFolderError
from chaos.recording import metrics_file
from chaos.recording.exposition import samples, select
from chaos.recording.metrics_file import Scrape
from chaos.shield import first_error
from resilience.clock import Clock
from services.common.metrics import DB_POOL_USED, HTTP_IN_FLIGHT

PERIOD_S = 0.5
BOUND_S = 0.4
FLUSH_S = 1.0
IDLE_POLL_S = 0.05


class Scraped(Protocol):
    """What is needed of a running service; a service that all arms share has no arm."""

    @property
    def service(self) -> str:
        """Return which service it is, without its arm."""

    @property
    def arm(self) -> str | None:
        """Return the arm it belongs to."""

    @property
    def url(self) -> str:
        """Return its base URL."""


class Recorder:
    """Scrapes while its block is entered; reading goes on afterwards. Times are seconds after t0, negative before it.

    Rows wait in memory until `start_of_time` has said when t0 is; from then on they are on disk within FLUSH_S.
    """

    def __init__(self, services: Sequence[Scraped], path: Path, *, clock: Clock) -> None:
        self._services = services
        self._path = path
        self._clock = clock
        self._t0: float | None = None
        # Instants in here are the clock's own.
        self._seen: dict[tuple[str, str], list[Scrape]] = {_key(service): [] for service in services}
        self._waiting: list[Scrape] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        # A connection a service: more would only hide that the first still waits.
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=BOUND_S))
        for number, service in enumerate(self._services):
            offset_s = PERIOD_S * number / len(self._services)
            self._tasks.append(asyncio.create_task(self._watch(service, offset_s), name=f"scrape {service.url}"))
        self._tasks.append(asyncio.create_task(self._flush_now_and_then(), name="write metrics"))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop scraping and write the rest; raises RunFolderError where the file could not be written."""
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()
        for end in ends:
            if isinstance(end, Exception):
                raise end
        self._flush()

    async def watch(self) -> NoReturn:
        """Run beside a run: raises RunFolderError as soon as the file cannot be written."""
        await first_error(self._tasks)

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

    async def _watch(self, service: Scraped, offset_s: float) -> None:
        await self._clock.sleep(offset_s)
        while True:
            started = self._clock.now()
            scrape = await self._scrape(service, started)
            self._seen[_key(service)].append(scrape)
            self._waiting.append(scrape)
            # BOUND_S is below PERIOD_S, so scrapes never pile up.
            await self._clock.sleep(max(0.0, started + PERIOD_S - self._clock.now()))

    async def _scrape(self, service: Scraped, started: float) -> Scrape:
        arm, name = _key(service)
        try:
            async with self._session.get(f"{service.url}/metrics") as answer:
                answer.raise_for_status()
                return Scrape(started, name, arm, samples(await answer.text()))
        except TimeoutError:
            return Scrape(started, name, arm, None, f"no answer within {BOUND_S:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Scrape(started, name, arm, None, str(error) or type(error).__name__)

    async def _flush_now_and_then(self) -> None:
        while True:
            await self._clock.sleep(FLUSH_S)
            if self._t0 is not None:
                self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        rows = [Scrape(self._since_t0(one.t), one.service, one.arm, one.samples, one.error) for one in waiting]
        try:
            metrics_file.append(self._path, rows)
        except OSError as error:
            raise RunFolderError(f"{self._path}: cannot be written: {error.strerror}") from error

    def _since_t0(self, instant: float) -> float:
        return instant - (self._clock.now() if self._t0 is None else self._t0)


def _key(service: Scraped) -> tuple[str, str]:
    return service.arm or "", service.service
