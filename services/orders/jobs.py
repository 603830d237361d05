"""What orders does by the clock: finishes orders that nobody works on any more, and empties the outbox of what is told.

Reservations are swept here and not in inventory, which cannot know when one is safe to give back. Its answer stays: a
try of the order that comes late is told "reserved" again, also after a release, charges, and has sold a piece that is
somebody else's. And while an order is not settled, a try may always come. What is safe is to be that try: the order is
carried to its one end by the way that every repeat takes, and its reservation ends with it, as sold or as given back.
So the customer of a process that died between charge and answer gets what was paid for.
"""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

from resilience.errors import InProgress
from services.common.job_metrics import JobMetrics, JobUse
from services.common.kit import Kit
from services.common.leadership import OwnConnection
from services.common.schedule import JobSettings
from services.common.scheduled import Job, Scheduler

# Six leases: whoever works on an order has ended, and its customer's own repeats have come.
UNFINISHED_AFTER_S = 30.0
# Longer than any run of the lab, whose books are read at its end.
KEPT_S = 6 * 3600.0
# A statement takes milliseconds, and holds nobody up.
JANITOR_BATCH = 1_000
# An order takes 0.2 s, and 4.9 s at the worst: a run that meets the worst ends with its first error.
FINISHER_BATCH = 50

FINISHER = JobSettings("finish-orders", every_s=10.0, jitter_s=2.0, missed="skip", within_s=30.0)
JANITOR = JobSettings("outbox-janitor", every_s=60.0, jitter_s=10.0, missed="skip", within_s=30.0)

# By lot: one that cannot be finished must not stand before the others for ever.
_UNFINISHED = """
SELECT id, idempotency_key, sku, quantity, customer FROM orders.orders
WHERE settled_at IS NULL AND greatest(created_at, claimed_until) < now() - make_interval(secs => $1)
  AND id <> ALL($2::uuid[])
ORDER BY random() LIMIT 1
"""
_DELETE = """
DELETE FROM orders.outbox WHERE id IN (
    SELECT id FROM orders.outbox WHERE published_at < now() - make_interval(secs => $1) ORDER BY published_at LIMIT $2
) RETURNING id
"""


class Place(Protocol):
    """Places an order under a key, or goes on with it."""

    def __call__(self, key: str, *, sku: str, quantity: int, customer: str) -> Awaitable[object]:
        """Return when the order is settled."""
        ...


def finisher(place: Place, *, after_s: float = UNFINISHED_AFTER_S) -> Callable[[OwnConnection], Awaitable[int]]:
    """Return the work that finishes orders; raises what placing raises, at the first that cannot be finished."""

    async def work(own: OwnConnection) -> int:
        tried: list[object] = []
        while len(tried) < FINISHER_BATCH:
            # One at a time: a leader that says nothing for long is none.
            rows = await own.rows(_UNFINISHED, after_s, tried)
            if not rows:
                break
            [row] = rows
            tried.append(row["id"])
            # In progress: its customer's own repeat has just come.
            with contextlib.suppress(InProgress):
                await place(row["idempotency_key"], sku=row["sku"], quantity=row["quantity"], customer=row["customer"])
        return len(tried)

    return work


def janitor(*, kept_s: float = KEPT_S, batch: int = JANITOR_BATCH) -> Callable[[OwnConnection], Awaitable[int]]:
    """Return the work that deletes events that were published longer than `kept_s` seconds ago."""

    async def work(own: OwnConnection) -> int:
        deleted = last = len(await own.rows(_DELETE, kept_s, batch))
        while last == batch:
            deleted += (last := len(await own.rows(_DELETE, kept_s, batch)))
        return deleted

    return work


def make_scheduler(place: Place | None, url: str, kit: Kit) -> Scheduler:
    """Return the scheduler of orders; without `place` nobody finishes orders, as nobody does in most shops."""
    jobs = [Job(JANITOR, janitor())]
    if place is not None:
        jobs.append(Job(FINISHER, finisher(place)))
    use = JobUse(job.settings.name for job in jobs)
    JobMetrics(kit, use)
    return Scheduler(url, "orders", jobs, use, clock=kit.clock, rng=kit.rng, tell=kit.tell)
