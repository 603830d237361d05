"""The lab's own eyes on every link: a fault counts only when it was seen here, not because Toxiproxy said yes.

Each link has a connection of its own and a task of its own, so a slow link delays no other.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Mapping
from operator import attrgetter
from typing import NoReturn, Self

from chaos.engines.links import Link
from chaos.recording.probe_protocols import BROKEN, Conversation, ProtocolError, conversation
from chaos.records import Probe
from chaos.shield import first_error
from resilience.clock import Clock

# Of a link that a fault hurts, and of the others: enough to see that nothing else was wrong, at a quarter of the cost.
PERIOD_S = 0.25
REST_PERIOD_S = 1.0
BOUND_S = 5.0
# Of a door whose process may stand still: each that hangs for the whole bound is one exchange in a fault phase.
DOOR_BOUND_S = 1.0


class Probes:
    """Probes links while its block is entered. `recorded` holds every exchange so far, in the order of their ends.

    `links` gives each link's period in seconds; `database_url` gives, for a link to Postgres, a URL that leads through
    the link; a link's own does. Links named in `fresh` are connected anew for each exchange, and that counts: some
    faults hurt new connections alone. Links named in `bounds_s` are given up after that long, all others after BOUND_S.
    Times are seconds after `t0`, an instant of `clock`; that of an exchange is its start.
    """

    def __init__(
        self,
        links: Mapping[Link, float],
        database_url: Callable[[Link], str] = attrgetter("url"),
        *,
        clock: Clock,
        t0: float,
        fresh: Collection[str] = (),
        bounds_s: Mapping[str, float] | None = None,
    ) -> None:
        self.recorded: list[Probe] = []
        self._links = links
        self._database_url = database_url
        self._clock = clock
        self._t0 = t0
        self._fresh = fresh
        self._bounds_s = bounds_s or {}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for number, (link, period_s) in enumerate(self._links.items()):
            # Spread over the period, so that probes do not queue behind each other in our own event loop.
            offset_s = period_s * number / len(self._links)
            self._tasks.append(asyncio.create_task(self._watch(link, period_s, offset_s), name=f"probe {link.proxy}"))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """End every probe; raises what a probe met that a link cannot have caused."""
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def watch(self) -> NoReturn:
        """Run beside a run: raises what a probe met that a link cannot have caused, as soon as it met it."""
        await first_error(self._tasks)

    async def _watch(self, link: Link, period_s: float, offset_s: float) -> None:
        postgres = link.name.endswith("_to_postgres")
        talk = conversation(link, self._database_url(link) if postgres else "")
        begun = self._clock.now() + offset_s
        await self._clock.sleep(offset_s)
        connected = False
        try:
            while True:
                connected = await self._probe(link, talk, connected=connected)
                await self._clock.sleep(_until_next(self._clock.now(), begun, period_s))
        finally:
            talk.close()

    async def _probe(self, link: Link, talk: Conversation, *, connected: bool) -> bool:
        """Connect if need be, make one exchange and record it; return whether the connection can be used again."""
        doing = "exchange" if connected else "connect"
        bound_s = self._bounds_s.get(link.name, BOUND_S)
        started = self._clock.now()
        try:
            if not connected:
                await _bounded(talk.connect(), bound_s)
                # The connect took round trips of its own: only the exchange is what the probe measures.
                doing, started = "exchange", started if link.name in self._fresh else self._clock.now()
            await _bounded(talk.exchange(), bound_s)
        except BROKEN as error:
            talk.close()
            self._record(link, started, None, f"{doing}: {_said(error, bound_s)}")
            return False
        self._record(link, started, (self._clock.now() - started) * 1000, "")
        if link.name in self._fresh:
            talk.close()
            return False
        return True

    def _record(self, link: Link, started: float, ms: float | None, error: str) -> None:
        self.recorded.append(Probe(started - self._t0, link.arm, link.name, ms, error))


async def _bounded(step: Awaitable[None], bound_s: float) -> None:
    async with asyncio.timeout(bound_s):
        await step


def _until_next(now: float, begun: float, period_s: float) -> float:
    """Return the wait until the next whole period after `begun`: what a slow exchange has missed is not made up."""
    return (math.floor((now - begun) / period_s) + 1) * period_s - (now - begun)


def _said(error: BaseException, bound_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing within {bound_s:g} s"
    if isinstance(error, EOFError):
        return "the connection was closed"
    if isinstance(error, OSError) and not isinstance(error, ProtocolError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
