"""What is to be told, in a table: written with an order, read by the relay, emptied by a janitor."""

from collections.abc import Sequence
from dataclasses import dataclass

from resilience.idempotency_postgres import KeyTable
from services.common.leadership import OwnConnection

KEYS = KeyTable(
    "orders.orders",
    record=("id", "sku", "quantity", "amount_cents", "customer"),
    result="status",
    stamps=("event_id",),
)

# $1 key, $2 status, $3 and $4 the event. The event is written where this very call settled the order: then the row has
# its id. A repeat of the call (its answer was lost) finds its id as well, and the event there already.
SETTLE = f"""
WITH settled AS ({KEYS.settle}), told AS (
    INSERT INTO orders.outbox (event_id, order_id, payload)
    SELECT event_id, id, $4 FROM settled WHERE status = 'confirmed' AND event_id = $3
    ON CONFLICT DO NOTHING RETURNING event_id
)
SELECT id, status, EXISTS (SELECT FROM told) AS told FROM settled
"""  # noqa: S608 -- KeyTable checks its names
# By the database's clock, which dated the row as well.
_WAITED = "RETURNING extract(epoch FROM now() - created_at)::float8 AS waited_s"
PUBLISHED = f"UPDATE orders.outbox SET published_at = now() WHERE event_id = $1 AND published_at IS NULL {_WAITED}"  # noqa: S608 -- a constant of this module

_NEXT = """
SELECT id, order_id, payload FROM orders.outbox WHERE published_at IS NULL ORDER BY id LIMIT $1
"""
_MARK = f"""
UPDATE orders.outbox SET published_at = now() WHERE id = ANY($1::bigint[]) AND published_at IS NULL {_WAITED}
"""  # noqa: S608 -- likewise
_BACKLOG = """
SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS oldest_s
FROM orders.outbox WHERE published_at IS NULL
"""
LOCK = "relay of orders.outbox"


@dataclass(frozen=True, slots=True)
class Row:
    """One event that is to be published."""

    id: int
    order_id: str
    payload: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much is to be published, and how long the oldest of it has waited, in seconds."""

    waiting: int = 0
    oldest_s: float = 0.0


class PostgresOutbox:
    """The outbox over a connection of its own; all raise DependencyDownError."""

    def __init__(self, url: str) -> None:
        self._own = OwnConnection(url, lock=LOCK)

    async def leads(self) -> bool:
        """Return whether it is this process that publishes."""
        return await self._own.leads()

    async def next(self, most: int) -> Sequence[Row]:
        """Return what has waited longest, `most` rows of it."""
        rows = await self._own.rows(_NEXT, most)
        return [Row(row["id"], str(row["order_id"]), row["payload"]) for row in rows]

    async def mark(self, rows: Sequence[Row]) -> Sequence[float]:
        """Note that these are published; return how many seconds each that was not yet had waited for that."""
        return [row["waited_s"] for row in await self._own.rows(_MARK, [row.id for row in rows])]

    async def backlog(self) -> Backlog:
        """Return how much waits."""
        [row] = await self._own.rows(_BACKLOG)
        return Backlog(row["waiting"], row["oldest_s"])

    def close(self) -> None:
        """Let go of the connection."""
        self._own.drop()
