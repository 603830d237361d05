"""The ledger behind the shop: was each acknowledged order told of at least once, and its customer exactly once?

The topic and the tables are read from their servers, past Toxiproxy; `reconcile_events` is pure and decides. What its
words mean is said at `chaos.booked.EventBooks`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import asyncpg
import numpy as np

from chaos.booked import ArmLedger, Delay, EventBooks
from chaos.judging.quantiles import percentile
from chaos.judging.topic import Told, read_topic

# Enough to look at; the figure says how many there are.
NAMED = 20
WAITING_SQL = "SELECT order_id::text FROM orders.outbox WHERE published_at IS NULL"
NOTIFIED_SQL = """
SELECT known.order_id::text, extract(epoch FROM known.created_at - told.created_at)::float8 * 1000
FROM notifications.notifications AS known LEFT JOIN orders.outbox AS told USING (event_id) ORDER BY known.id
"""


@dataclass(frozen=True, slots=True)
class EventSource:
    """Where the events of an arm are told: `address` is the broker's own host:port."""

    address: str
    topic: str


@dataclass(frozen=True, slots=True)
class Notified:
    """A notification: of which order, and how long after its event was written; None where no outbox knows it."""

    order_id: str
    delay_ms: float | None = None


def first_named(found: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Return the first few of each, in the order of their names; nothing for what is empty."""
    return {figure: tuple(sorted(ids)[:NAMED]) for figure, ids in found.items() if ids}


def reconcile_events(
    acknowledged: Collection[str],
    ours: Collection[str],
    topic: Sequence[Told],
    notified: Sequence[Notified],
    waiting: Sequence[str],
) -> tuple[EventBooks, dict[str, tuple[str, ...]]]:
    """Hold the ids of acknowledged orders against the topic and the notifications; return the counts and who they are.

    `ours` are all orders of this run: an order that its customer was not told of may be told of twice, too. `notified`
    are the notifications as they came, `waiting` the order ids in the outbox that nobody has published. Orders of
    earlier runs do not count.
    """
    told = Counter(one.order_id for one in topic if one.order_id is not None)
    noted = Counter(one.order_id for one in notified)
    known = set(acknowledged) | set(ours)
    found = {
        "events.unpublished": {one for one in acknowledged if not told[one]},
        "events.repeated": {one for one in known if told[one] > 1},
        "notifications.missing": {one for one in acknowledged if not noted[one]},
        "notifications.doubled": {one for one in known if noted[one] > 1},
    }
    count = {figure: len(ids) for figure, ids in found.items()}
    books = EventBooks(
        published=len(acknowledged) - count["events.unpublished"],
        unpublished=count["events.unpublished"],
        repeated=count["events.repeated"],
        unreadable=sum(one.order_id is None for one in topic),
        waiting=sum(one in known for one in waiting),
        notified=len(acknowledged) - count["notifications.missing"],
        missing=count["notifications.missing"],
        doubled=count["notifications.doubled"],
        delay=_delay(acknowledged, notified),
    )
    return books, first_named(found)


def _delay(acknowledged: Collection[str], notified: Sequence[Notified]) -> Delay | None:
    first: dict[str, float] = {}
    for one in notified:
        if one.delay_ms is not None and one.order_id in acknowledged:
            first.setdefault(one.order_id, one.delay_ms)
    if not first:
        return None
    delays_ms = np.array(list(first.values()))
    return Delay(
        n=len(first),
        p50_ms=percentile(delays_ms, 0.50),
        p99_ms=percentile(delays_ms, 0.99),
        max_ms=float(delays_ms.max()),
    )


async def with_events(
    ledger: ArmLedger,
    acknowledged: Collection[str],
    ours: Collection[str],
    *,
    source: EventSource,
    database_url: str,
    timeout_s: float,
) -> ArmLedger:
    """Return the ledger of an arm with what was told of its orders.

    Raises LedgerUnreadable where the topic cannot be read, and what asyncpg raises.
    """
    # The topic last: what is in it by then, nobody was notified of before.
    connection = await asyncpg.connect(database_url, timeout=timeout_s)
    try:
        waiting = await connection.fetch(WAITING_SQL, timeout=timeout_s)
        notified = await connection.fetch(NOTIFIED_SQL, timeout=timeout_s)
    finally:
        connection.terminate()
    topic = await read_topic(source.address, source.topic)
    books, named = reconcile_events(
        set(acknowledged), ours, topic, [Notified(*row) for row in notified], [row[0] for row in waiting]
    )
    return ledger.model_copy(update={"events": books, "named": {**ledger.named, **named}})
