"""Whom a query is put to: a Prometheus that runs beside the lab, or samples that were recorded."""

import asyncio
import json
import math
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from chaos.errors import QueryError
from chaos.watch.answers import from_prometheus
from chaos.watch.promql import Evaluator, Grid
from chaos.watch.promql.rules import Rules
from chaos.watch.promql.vectors import MS, Vector
from chaos.watch.recordings import Recording
from resilience.clock import Clock

Answer = Vector | QueryError

ASK_WITHIN_S = 5.0
# One that is there answers in a millisecond, on a machine full of load in a few hundred.
THERE_WITHIN_S = 1.0
ASK_AGAIN_S = 2.0
LARGEST_ANSWER = 8 * 2**20
AT_ONCE = 6
# Somebody's Prometheus that knows nothing of the lab is as good as none.
OURS = 'count(max_over_time(up{job=~"shop|relay"}[5s]) == 1)'


class Source(Protocol):
    """Answers queries on a grid; what cannot be answered is an answer too."""

    @property
    def name(self) -> str:
        """Return what it is called on the page."""

    async def ask(self, queries: Sequence[str], grid: Grid) -> list[Answer]:
        """Return an answer for each query."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Recorded samples, evaluated in the one thread that `desk` has."""

    recording: Recording
    rules: Rules
    desk: Executor
    name: str = "recorded"

    async def ask(self, queries: Sequence[str], grid: Grid) -> list[Answer]:
        """Return an answer for each query."""
        return await asyncio.get_running_loop().run_in_executor(self.desk, self._answers, queries, grid)

    async def span_s(self) -> tuple[float, float] | None:
        """Return when the first and the newest sample were taken, seconds since 1970."""
        return await asyncio.get_running_loop().run_in_executor(self.desk, self._span)

    def _answers(self, queries: Sequence[str], grid: Grid) -> list[Answer]:
        self.recording.update()
        evaluator = Evaluator(self.recording.database, self.rules)
        found: list[Answer] = []
        for query in queries:
            try:
                found.append(evaluator.range(query, grid))
            except QueryError as error:
                found.append(error)
        return found

    def _span(self) -> tuple[float, float] | None:
        self.recording.update()
        span = self.recording.database.span_ms()
        return None if span is None else (span[0] / MS, span[1] / MS)


class Prometheus:
    """A real one, asked over HTTP by us, so that the browser needs to reach nothing but this page's own server."""

    name = "prometheus"

    def __init__(self, url: str, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._url = url
        self._session = session
        self._clock = clock
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._asking = asyncio.Lock()
        self._asked = -math.inf
        self._there = False

    async def there(self) -> bool:
        """Return whether it answers and has seen a service of the lab; asked anew every few seconds."""
        # Whoever comes while it is being asked waits for the answer.
        async with self._asking:
            if self._clock.now() - self._asked >= ASK_AGAIN_S:
                self._there = await self._answers()
                self._asked = self._clock.now()
            return self._there

    async def _answers(self) -> bool:
        try:
            body = await self._get("/api/v1/query", {"query": OURS}, THERE_WITHIN_S)
            return bool(body["data"]["result"])
        except (QueryError, KeyError, TypeError) as error:
            # One that is busy is still there; the page must not jump to and fro.
            return self._there and isinstance(error.__cause__, TimeoutError)

    async def ask(self, queries: Sequence[str], grid: Grid) -> list[Answer]:
        """Return an answer for each query."""
        return list(await asyncio.gather(*(self._one(query, grid) for query in queries)))

    async def _one(self, query: str, grid: Grid) -> Answer:
        window = {"start": f"{grid.start_ms / MS:.3f}", "end": f"{grid.end_ms / MS:.3f}", "step": f"{grid.step_ms}ms"}
        try:
            async with self._limit:
                body = await self._get("/api/v1/query_range", {"query": query, **window}, ASK_WITHIN_S)
            return from_prometheus(body, grid)
        except QueryError as error:
            return error
        except (KeyError, TypeError, ValueError, IndexError):
            return QueryError(f"{self._url}: does not answer as a Prometheus does")

    async def _get(self, path: str, params: dict[str, str], within_s: float) -> Any:
        try:
            timeout = aiohttp.ClientTimeout(total=within_s)
            async with self._session.get(
                self._url + path, params=params, timeout=timeout, allow_redirects=False
            ) as answer:
                text = bytearray()
                async for part in answer.content.iter_any():
                    text += part
                    if len(text) > LARGEST_ANSWER:
                        raise QueryError("Prometheus' answer is larger than 8 MB: a larger step, or a shorter range")
                body = json.loads(text)
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            raise QueryError(f"Prometheus at {self._url}: {str(error) or 'no answer in time'}") from error
        if not isinstance(body, dict) or body.get("status") != "success":
            reason = body.get("error") if isinstance(body, dict) else None
            raise QueryError(f"Prometheus: {reason or f'answered {answer.status}'}")
        return body
