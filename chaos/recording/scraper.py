"""Asks every service for its metrics, twice a second, and hands over each answer, a missing one too."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, Self

import aiohttp

from chaos.recording.buckets import BucketWriter
from chaos.recording.exposition import samples
from chaos.recording.metrics_file import Scrape
from resilience.clock import Clock

PERIOD_S = 0.5
BOUND_S = 0.4
# Buckets change as fast as the rest but are drawn, not judged: a second is fine enough.
BUCKETS_EVERY = 2


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


def key(service: Scraped) -> tuple[str, str]:
    """Return by what a service's scrapes are known."""
    return service.arm or "", service.service


class Scraper:
    """Scrapes while its block is entered; `note` gets each scrape, its `t` an instant of the clock."""

    def __init__(self, services: Sequence[Scraped], note: Callable[[Scrape], None], *, clock: Clock) -> None:
        self._services = services
        self._note = note
        self._clock = clock
        self.tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        # A connection a service: more would only hide that the first still waits.
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=BOUND_S))
        for number, service in enumerate(self._services):
            offset_s = PERIOD_S * number / len(self._services)
            self.tasks.append(asyncio.create_task(self._watch(service, offset_s), name=f"scrape {service.url}"))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop asking; raises what ended a task before."""
        for task in self.tasks:
            task.cancel()
        ends = await asyncio.gather(*self.tasks, return_exceptions=True)
        await self._session.close()
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _watch(self, service: Scraped, offset_s: float) -> None:
        buckets = BucketWriter()
        number = 0
        await self._clock.sleep(offset_s)
        while True:
            started = self._clock.now()
            self._note(await self._scrape(service, started, buckets if number % BUCKETS_EVERY == 0 else None))
            number += 1
            # BOUND_S is below PERIOD_S, so scrapes never pile up.
            await self._clock.sleep(max(0.0, started + PERIOD_S - self._clock.now()))

    async def _scrape(self, service: Scraped, started: float, buckets: BucketWriter | None) -> Scrape:
        arm, name = key(service)
        try:
            async with self._session.get(f"{service.url}/metrics") as answer:
                answer.raise_for_status()
                page = await answer.text()
            return Scrape(started, name, arm, samples(page), buckets=buckets.changes(page) if buckets else None)
        except TimeoutError:
            return Scrape(started, name, arm, None, f"no answer within {BOUND_S:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Scrape(started, name, arm, None, str(error) or type(error).__name__)
