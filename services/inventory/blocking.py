"""The same stock and the same copies through drivers that block: what a plain `def` handler calls.

psycopg takes the very statements that asyncpg takes, and one round trip for each where asyncpg takes two: it does not
reset a connection that goes back to the pool. Each call holds its thread until the answer is there.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from anyio import to_thread
from psycopg_pool import ConnectionPool, PoolTimeout
from redis import Redis
from redis.exceptions import RedisError

from resilience import Clock, Listener, Outcome
from resilience.events import CallEnded, PipelineBuilt
from services.common.errors import DependencyDownError
from services.common.metrics import PoolUse
from services.inventory.core import Copy, Reserved, Stock
from services.inventory.statements import FRESH_S, KEPT_S, READ, RESERVE, fresh_key, stock_key

# As many as asyncpg opens by itself, so that handlers differ in how they wait and not in how much they may ask for.
POOL_SIZE = 10
OPEN_WITHIN_S = 10.0
CLOSE_WITHIN_S = 0.15


class BlockingDatabase:
    """One psycopg pool; open() and close() belong to the lifespan of the process.

    Its calls are told as the pipelines' are, under `link`: on the event loop, for the listener belongs to that.
    """

    def __init__(self, url: str, link: str, *, clock: Clock, listener: Listener) -> None:
        self._link, self._clock, self._listener = link, clock, listener
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            url, min_size=POOL_SIZE, max_size=POOL_SIZE, open=False,
            # RawCursor: $1 as asyncpg writes it. autocommit: a statement is one round trip, as there.
            kwargs={"autocommit": True, "cursor_factory": psycopg.RawCursor},
        )  # fmt: skip

    async def open(self) -> None:
        """Connect; raises DependencyDownError."""
        self._loop = asyncio.get_running_loop()
        self._listener(PipelineBuilt(self._link, ()))
        with _unavailable_is_down():
            await to_thread.run_sync(lambda: self._pool.open(wait=True, timeout=OPEN_WITHIN_S))

    async def close(self) -> None:
        """Close the pool and leave what still waits for an answer to the end of the process."""
        await to_thread.run_sync(lambda: self._pool.close(timeout=CLOSE_WITHIN_S), abandon_on_cancel=True)

    def use(self) -> PoolUse:
        """Return how the pool stands."""
        now = self._pool.get_stats()
        size = now.get("pool_size", 0)
        return PoolUse(size=size, used=size - now.get("pool_available", 0), waiting=now.get("requests_waiting", 0))

    def row(self, statement: str, *arguments: object) -> tuple[Any, ...] | None:
        """Return the first row of a statement, or None; blocks. Raises DependencyDownError."""
        began_s, outcome = self._clock.now(), Outcome.FAILURE
        try:
            with _unavailable_is_down(), self._pool.connection() as connection:
                row: tuple[Any, ...] | None = connection.execute(statement, arguments).fetchone()
                outcome = Outcome.SUCCESS
                return row
        finally:
            self._tell(CallEnded(self._link, outcome, self._clock.now() - began_s))

    def _tell(self, event: CallEnded) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._listener, event)


class BlockingInventory:
    """What `core.Inventory` decides, without an await: fresh copy, else database. For `naive` alone: no fallback."""

    def __init__(self, database: BlockingDatabase, redis_url: str) -> None:
        self._database = database
        self._redis = Redis.from_url(redis_url)

    def stock(self, sku: str) -> Stock | None:
        """Return the stock of a product, None for an unknown one; blocks."""
        copy = self._copy(sku)
        if copy is not None and copy.fresh:
            return Stock(sku, copy.available, stale=False)
        row = self._database.row(READ, sku)
        if row is None:
            return None
        self._keep(sku, row[0])
        return Stock(sku, row[0], stale=False)

    def reserve(self, order_id: str, sku: str, quantity: int) -> Reserved:
        """Reserve `quantity` for an order, once; blocks."""
        row = self._database.row(RESERVE, order_id, sku, quantity)
        return "reserved" if row is not None and row[0] else "short"

    def close(self) -> None:
        """Close the connections to Redis."""
        self._redis.close()

    def _copy(self, sku: str) -> Copy | None:
        with _failing_is_down():
            figure, mark = self._redis.mget(stock_key(sku), fresh_key(sku))
        return None if figure is None else Copy(int(figure), fresh=mark is not None)

    def _keep(self, sku: str, available: int) -> None:
        with _failing_is_down():
            batch = self._redis.pipeline(transaction=False)
            batch.set(stock_key(sku), available, ex=KEPT_S)
            batch.set(fresh_key(sku), 1, ex=FRESH_S)
            batch.execute()


@contextmanager
def _unavailable_is_down() -> Iterator[None]:
    try:
        yield
    except (psycopg.OperationalError, PoolTimeout, OSError) as exc:
        raise DependencyDownError("database", str(exc) or type(exc).__name__) from exc


@contextmanager
def _failing_is_down() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as exc:
        raise DependencyDownError("redis", str(exc) or type(exc).__name__) from exc
