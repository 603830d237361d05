"""The relay: publishes what the outbox holds, for as long as the process lives and however long the broker is away.

It publishes, then marks. Whatever ends it between the two, the next look publishes the same events again, under the
same ids: at least once, never not at all. One process of an arm publishes, the others follow (`leadership`).
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from resilience import Clock
from services.common.event_metrics import OutboxUse
from services.common.events import OrderConfirmed
from services.orders.outbox import Backlog, Row
from services.orders.relay_core import Done, Pace

# How often the backlog is counted.
COUNT_EVERY_S = 1.0


class Outbox(Protocol):
    """The port to the outbox."""

    async def leads(self) -> bool:
        """Return whether it is this process that publishes."""
        ...

    async def next(self, most: int) -> Sequence[Row]:
        """Return what has waited longest."""
        ...

    async def mark(self, rows: Sequence[Row]) -> Sequence[float]:
        """Note that these are published; return how many seconds each had waited for that since its commit."""
        ...

    async def backlog(self) -> Backlog:
        """Return how much waits."""
        ...

    def close(self) -> None:
        """Let go of it; may be called twice."""
        ...


class Events(Protocol):
    """The port to whoever is told."""

    async def publish(self, rows: Sequence[Row]) -> None:
        """Publish all; returns when the broker has acknowledged each."""
        ...


class Relay:
    """Owns its task and its outbox. Without `events` nobody publishes here, and it only counts what waits."""

    def __init__(
        self,
        outbox: Outbox,
        events: Events | None,
        pace: Pace,
        use: OutboxUse,
        *,
        clock: Clock,
        tell: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        self._outbox = outbox
        self._events = events
        self._pace = pace
        self._use = use
        self._clock = clock
        self._tell = tell
        self._committed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._counted_s: float | None = None
        self._well = True
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.create_task(self._run(), name="relay of the outbox")

    async def wake(self, _event: OrderConfirmed) -> None:
        """Say that an event was committed."""
        self._committed.set()

    async def close(self, *, within_s: float) -> None:
        """End; a batch under way has `within_s` seconds to be acknowledged and marked."""
        task, self._task = self._task, None
        if task is None:
            return
        self._stopping.set()
        try:
            await asyncio.wait({task}, timeout=within_s)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                # Before the look: what is committed during it is looked for again.
                self._committed.clear()
                done, found = await self._look()
                wait = self._pace.after(done, found)
                if await self._waited(wait.seconds, wakes=wait.wakes):
                    await self._waited(self._pace.settings.gather_s, wakes=False)
        finally:
            self._outbox.close()

    async def _look(self) -> tuple[Done, int]:
        """Publish what waits longest, and mark it; never raises, for a relay that ends tells nobody of any order."""
        try:
            await self._count()
            if self._events is None or not await self._outbox.leads():
                return "follows", 0
            rows = await self._outbox.next(self._pace.settings.batch)
            if rows:
                await self._events.publish(rows)
                self._use.published += len(rows)
                for waited_s in await self._outbox.mark(rows):
                    self._use.delays.observe(waited_s)
        except Exception as exc:  # noqa: BLE001 -- see above
            self._use.fail(exc)
            if self._well:
                self._well = False
                self._tell("the relay waits", {"error": str(exc) or type(exc).__name__})
            return "failed", 0
        if not self._well:
            self._well = True
            self._tell("the relay goes on", {})
        return "published", len(rows)

    async def _count(self) -> None:
        now = self._clock.now()
        if self._counted_s is None or now - self._counted_s >= COUNT_EVERY_S:
            backlog = await self._outbox.backlog()
            self._counted_s = now
            self._use.waiting, self._use.oldest_s = backlog.waiting, backlog.oldest_s

    async def _waited(self, seconds: float, *, wakes: bool) -> bool:
        """Wait, or until the end; return whether a commit ended the wait."""
        if seconds <= 0:
            return False
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._stopping.wait())]
        if wakes:
            waits.append(asyncio.ensure_future(self._committed.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return wakes and self._committed.is_set()
