"""What inventory speaks to: stock in Postgres, copies in Redis."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from resilience import Pipeline, ResilienceError, link_settings
from services.common.errors import DependencyError
from services.common.kit import Kit
from services.common.migrations import MIGRATE_WITHIN_S, migrate, read_migrations
from services.common.postgres import Database
from services.common.readiness import BOUND_S, Check
from services.common.redis_client import Redis
from services.inventory.blocking import BlockingDatabase, BlockingInventory
from services.inventory.core import Copy, Otherwise, Reserved, Stock, StockCache, StockTable
from services.inventory.settings import InventorySettings
from services.inventory.statements import FRESH_S, KEPT_S, READ, READ_ALL, RELEASE, RESERVE, fresh_key, stock_key

# The service starts without a warm cache rather than not at all.
WARM_UP_WITHIN_S = 2.0


class PostgresStock:
    """The stock table. One statement a step, 2 round trips of a connection each (`services.common.postgres`).

    With 200 products asked for evenly, n reads/s and copies fresh for 10 s, 200 / (10 + 200 / n) of them per second
    come here: 13 of 40, 14 of 50. That and a reservation per checkout is the demand on the pool.
    """

    def __init__(self, database: Database, pipeline: Pipeline) -> None:
        self._database = database
        self._pipeline = pipeline

    async def read(self, sku: str, *, otherwise: Otherwise) -> Stock | None:
        """Read one product's stock."""

        async def read() -> Stock | None:
            row = await self._database.row(READ, sku)
            return None if row is None else Stock(sku, row["available"], stale=False)

        return await self._pipeline.call(read, idempotent=True, fallback=otherwise)

    async def read_all(self) -> Mapping[str, int]:
        """Read every product's stock."""
        rows = await self._pipeline.call(lambda: self._database.rows(READ_ALL), idempotent=True)
        return {row["sku"]: row["available"] for row in rows}

    async def reserve(self, order_id: str, sku: str, quantity: int) -> Reserved:
        """Reserve; the statement decides once per order id, so a repeat is harmless."""
        row = await self._pipeline.call(lambda: self._database.one(RESERVE, order_id, sku, quantity), idempotent=True)
        return "reserved" if row["reserved"] else "short"

    async def release(self, order_id: str) -> None:
        """Give back; a second time there is nothing to give."""
        await self._pipeline.call(lambda: self._database.row(RELEASE, order_id), idempotent=True)


class RedisCopies:
    """Two keys a product: the figure, kept for ten minutes, and a mark that is there while the figure is fresh.

    Redis' own clock ends the freshness, so two inventories with different clocks agree on it.
    """

    def __init__(self, redis: Redis, pipeline: Pipeline) -> None:
        self._redis = redis
        self._pipeline = pipeline

    async def get(self, sku: str) -> Copy | None:
        """Get a copy in one round trip; a failing Redis is an empty one where the profile says so."""

        async def get() -> Copy | None:
            figure, mark = await self._redis.get_both(stock_key(sku), fresh_key(sku))
            return None if figure is None else Copy(int(figure), fresh=mark is not None)

        async def nothing(_error: Exception) -> Copy | None:
            return None

        return await self._pipeline.call(get, idempotent=True, fallback=nothing)

    async def put(self, available: Mapping[str, int]) -> None:
        """Put copies in one round trip; likewise."""
        entries = {stock_key(sku): (figure, KEPT_S) for sku, figure in available.items()}
        entries |= {fresh_key(sku): (1, FRESH_S) for sku in available}

        async def nothing(_error: Exception) -> None:
            return None

        await self._pipeline.call(lambda: self._redis.put(entries), idempotent=True, fallback=nothing)


class InventoryUpstreams:
    """Owns the pool and the Redis client, and for handlers that block also theirs."""

    def __init__(self, settings: InventorySettings, kit: Kit) -> None:
        to_postgres = link_settings(settings.profile, "inventory_to_postgres")
        to_redis = link_settings(settings.profile, "inventory_to_redis")
        self._kit = kit
        self._url = settings.database_url
        self._database = Database(settings.database_url, to_postgres)
        self._redis = Redis(settings.redis_url, to_redis)
        self._blocking = (
            None
            if settings.handler == "async"
            else BlockingDatabase(
                settings.database_url, "inventory_to_postgres", clock=kit.clock, listener=kit.listener
            )
        )
        kit.metrics.watch_pool((self._blocking or self._database).use)
        self.stock: StockTable = PostgresStock(self._database, kit.pipeline("inventory_to_postgres", to_postgres))
        self.copies: StockCache = RedisCopies(self._redis, kit.pipeline("inventory_to_redis", to_redis))
        self.blocking = None if self._blocking is None else BlockingInventory(self._blocking, settings.redis_url)
        self.assortment: Sequence[str] = ()

    async def open(self) -> None:
        """Migrate, connect, and warm the cache up."""
        migrations = read_migrations(Path(__file__).parent / "migrations")
        await migrate(self._url, "inventory", migrations, clock=self._kit.clock, within_s=MIGRATE_WITHIN_S)
        await self._database.open()
        if self._blocking is not None:
            await self._blocking.open()
        await self._warm_up()

    async def _warm_up(self) -> None:
        """Copy all stock into the cache, so that no product is without a stale copy when the database goes."""
        try:
            async with asyncio.timeout(WARM_UP_WITHIN_S):
                available = await self.stock.read_all()
                self.assortment = tuple(sorted(available))
                await self.copies.put(available)
        except (DependencyError, ResilienceError, TimeoutError) as exc:
            self._kit.log.line("warning", event="the cache stays cold", error=str(exc))

    async def close(self) -> None:
        """Close all."""
        if self.blocking is not None:
            self.blocking.close()
        await self._redis.close()
        await self._database.close()
        if self._blocking is not None:
            await self._blocking.close()

    def checks(self) -> Mapping[str, Check]:
        """Return what must answer."""
        return {"postgres": lambda: self._database.ping(bound_s=BOUND_S), "redis": self._redis.ping}
