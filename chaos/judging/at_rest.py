"""Whether what was to be told is told: the ledger must not be read while events are still on their way.

Decided from what the tables say once and again; nobody is asked what he is doing, for a consumer that is stuck would
answer that he is at work. Nothing that waits and no order without a notification is rest. So is half of the time
without any move: what did not come by then is lost or stuck, and that is the ledger's to say.
"""

import asyncio
from dataclasses import dataclass, field

import asyncpg

from resilience.clock import Clock

POLL_S = 0.25
# After the last one is there, a moment for one too many.
STILL_S = 1.0
COUNTS_SQL = """
SELECT (SELECT count(*) FROM orders.outbox WHERE published_at IS NULL),
       (SELECT count(*) FROM orders.outbox AS told WHERE NOT EXISTS (
            SELECT FROM notifications.notifications AS known WHERE known.event_id = told.event_id)),
       (SELECT count(*) FROM notifications.notifications)
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of the outbox that wait, events without a notification, and all notifications."""

    waiting: int
    untold: int
    notifications: int


@dataclass(slots=True)
class Rest:
    """Looks at counts as they come. `bound_s` is how long anybody waits at all; `now` is in seconds."""

    bound_s: float
    began: float
    _last: Counts | None = field(default=None, init=False)
    _since: float = field(default=0.0, init=False)

    def seen(self, counts: Counts, now: float) -> bool:
        """Return whether nothing is on its way any more."""
        if counts != self._last:
            self._last, self._since = counts, now
        complete = counts.waiting == counts.untold == 0
        return now - self._since >= (min(STILL_S, self.bound_s / 2) if complete else self.bound_s / 2)

    def late(self, now: float) -> bool:
        """Return whether the time is over."""
        return now - self.began >= self.bound_s

    def said(self) -> str:
        """Return what was still under way."""
        if self._last is None:
            return "nothing is known of its events"
        return f"{self._last.waiting} wait in the outbox, {self._last.untold} have no notification"


async def at_rest(database_url: str, *, bound_s: float, clock: Clock) -> str:
    """Wait until an arm's events are at rest, at most `bound_s`; return what was under way then, empty for rest.

    A database that cannot be asked is the ledger's to tell: then nothing is waited for.
    """
    rest = Rest(bound_s, clock.now())
    try:
        async with asyncio.timeout(bound_s + POLL_S):
            connection = await asyncpg.connect(database_url)
            try:
                while True:
                    (row,) = await connection.fetch(COUNTS_SQL)
                    counts = Counts(*row)
                    if rest.seen(counts, clock.now()):
                        return ""
                    if rest.late(clock.now()):
                        return rest.said()
                    await clock.sleep(POLL_S)
            finally:
                connection.terminate()
    except TimeoutError:
        return rest.said()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return ""
