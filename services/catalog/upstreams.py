"""What catalog speaks to: products in MySQL, points in Postgres, copies in Redis."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from resilience import Pipeline, StaleCache, link_settings
from services.catalog.copies import SETTINGS, Entries, PlainCopies
from services.catalog.core import Copies, Otherwise, Product, Products, Vectors
from services.catalog.embedding import as_text, embed
from services.catalog.filling import fill
from services.catalog.settings import CatalogSettings
from services.common.errors import counts_against
from services.common.kit import Kit
from services.common.migrations import MIGRATE_WITHIN_S, migrate, read_migrations
from services.common.mysql import MySqlDatabase, Row
from services.common.mysql_migrations import migrate_mysql
from services.common.postgres import Database
from services.common.readiness import BOUND_S, Check
from services.common.redis_client import Redis

_COLUMNS = "sku, name, description, price_cents"
_READ = f"SELECT {_COLUMNS} FROM products WHERE sku = %s"  # noqa: S608 - constants of this module
_AFTER = f"SELECT {_COLUMNS} FROM products WHERE sku > %s ORDER BY sku LIMIT %s"  # noqa: S608 - likewise
_WORDS = "MATCH (name, description) AGAINST (%s IN NATURAL LANGUAGE MODE)"
_WITH_WORDS = f"SELECT {_COLUMNS} FROM products WHERE {_WORDS} ORDER BY {_WORDS} DESC, sku LIMIT %s"  # noqa: S608
NEAR_TEXT = "SELECT sku FROM catalog.embeddings ORDER BY embedding <=> $1::text::vector LIMIT $2"
NEAR = """
SELECT sku FROM catalog.embeddings
WHERE sku <> $1 AND EXISTS (SELECT FROM catalog.embeddings WHERE sku = $1)
ORDER BY embedding <=> (SELECT embedding FROM catalog.embeddings WHERE sku = $1) LIMIT $2
"""


class MySqlProducts:
    """The table of products. One statement an operation."""

    def __init__(self, database: MySqlDatabase, pipeline: Pipeline) -> None:
        self._database = database
        self._pipeline = pipeline

    async def read(self, sku: str) -> Product | None:
        """Read one."""
        rows = await self._rows(_READ, sku)
        return _product(rows[0]) if rows else None

    async def named(self, skus: Sequence[str]) -> Mapping[str, Product]:
        """Read some."""
        if not skus:
            return {}
        marks = ", ".join(["%s"] * len(skus))
        rows = await self._rows(f"SELECT {_COLUMNS} FROM products WHERE sku IN ({marks})", *skus)  # noqa: S608 - marks
        return {row["sku"]: _product(row) for row in rows}

    async def after(self, sku: str, *, most: int) -> Sequence[Product]:
        """Read on behind a SKU."""
        return [_product(row) for row in await self._rows(_AFTER, sku, most)]

    async def with_words(self, text: str, *, most: int) -> Sequence[Product]:
        """Search by MySQL's own index of words."""
        return [_product(row) for row in await self._rows(_WITH_WORDS, text, text, most)]

    async def _rows(self, statement: str, *arguments: object) -> Sequence[Row]:
        return await self._pipeline.call(lambda: self._database.rows(statement, *arguments), idempotent=True)


class PostgresVectors:
    """The table of points. One statement a search, through its index."""

    def __init__(self, database: Database, pipeline: Pipeline) -> None:
        self._database = database
        self._pipeline = pipeline

    async def near_text(self, text: str, *, most: int, otherwise: Otherwise) -> Sequence[str] | None:
        """Search near a text."""
        return await self._skus(NEAR_TEXT, as_text(embed(text)), most, otherwise=otherwise)

    async def near(self, sku: str, *, most: int, otherwise: Otherwise) -> Sequence[str] | None:
        """Search near a product."""
        return await self._skus(NEAR, sku, most, otherwise=otherwise)

    async def _skus(self, statement: str, *arguments: object, otherwise: Otherwise) -> Sequence[str] | None:
        async def search() -> Sequence[str] | None:
            return [row["sku"] for row in await self._database.rows(statement, *arguments)]

        return await self._pipeline.call(search, idempotent=True, fallback=otherwise)


class RedisShelf:
    """A shelf in Redis; a failing one is an empty one where the profile says so."""

    def __init__(self, redis: Redis, pipeline: Pipeline) -> None:
        self._redis = redis
        self._pipeline = pipeline

    async def get(self, key: str) -> bytes | None:
        """Get in one round trip."""

        async def nothing(_error: Exception) -> bytes | None:
            return None

        return await self._pipeline.call(lambda: self._redis.get(key), idempotent=True, fallback=nothing)

    async def put(self, key: str, value: bytes, *, kept_s: int) -> None:
        """Set in one round trip."""

        async def nothing(_error: Exception) -> None:
            return None

        await self._pipeline.call(lambda: self._redis.set(key, value, kept_s=kept_s), idempotent=True, fallback=nothing)


class CatalogUpstreams:
    """Owns the two pools, the Redis client, and the renewals of copies."""

    def __init__(self, settings: CatalogSettings, kit: Kit) -> None:
        to_mysql = link_settings(settings.profile, "catalog_to_mysql")
        to_postgres = link_settings(settings.profile, "catalog_to_postgres")
        to_redis = link_settings(settings.profile, "catalog_to_redis")
        self._settings, self._kit = settings, kit
        self._mysql = MySqlDatabase(settings.mysql_url, to_mysql)
        self._postgres = Database(settings.database_url, to_postgres)
        self._redis = Redis(settings.redis_url, to_redis)
        kit.metrics.watch_pool(self._mysql.use, store="mysql")
        kit.metrics.watch_pool(self._postgres.use)
        self.products: Products = MySqlProducts(self._mysql, kit.pipeline("catalog_to_mysql", to_mysql))
        self.vectors: Vectors = PostgresVectors(self._postgres, kit.pipeline("catalog_to_postgres", to_postgres))
        shelf = RedisShelf(self._redis, kit.pipeline("catalog_to_redis", to_redis))
        self._cache: StaleCache[Product | None] | None = None
        # A profile under which the database's failures are answered otherwise has copies to answer with.
        if to_mysql.fallback:
            self._cache = StaleCache(
                "catalog_to_mysql",
                SETTINGS,
                store=Entries(shelf, kit.clock),
                failures=counts_against,
                clock=kit.clock,
                rng=kit.rng,
                listener=kit.listener,
            )
        self.copies: Copies = self._cache or PlainCopies(shelf)

    async def open(self) -> None:
        """Migrate both databases, connect, and put the assortment where it is not."""
        here, clock = Path(__file__).parent, self._kit.clock
        mysql = read_migrations(here / "migrations_mysql")
        await migrate_mysql(self._settings.mysql_url, "catalog", mysql, clock=clock, within_s=MIGRATE_WITHIN_S)
        postgres = read_migrations(here / "migrations")
        await migrate(self._settings.database_url, "catalog", postgres, clock=clock, within_s=MIGRATE_WITHIN_S)
        await self._mysql.open()
        await self._postgres.open()
        await fill(self._settings)

    async def close(self) -> None:
        """Close all."""
        if self._cache is not None:
            await self._cache.aclose()
        await self._redis.close()
        await self._mysql.close()
        await self._postgres.close()

    def checks(self) -> Mapping[str, Check]:
        """Return what must answer."""
        return {
            "mysql": self._mysql.ping,
            "postgres": lambda: self._postgres.ping(bound_s=BOUND_S),
            "redis": self._redis.ping,
        }


def _product(row: Row) -> Product:
    return Product(row["sku"], row["name"], row["description"], row["price_cents"])
