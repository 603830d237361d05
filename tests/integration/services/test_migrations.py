"""Migrations on a real Postgres: once, whoever comes first, and patient with a database that is only just starting."""

import asyncio
from typing import Any

import asyncpg
import pytest

from resilience import SystemClock
from services.common.errors import DependencyDownError
from services.common.migrations import Migration, migrate

pytestmark = pytest.mark.integration

TABLE = Migration(1, "0001_table", "CREATE TABLE shop.things (n integer); INSERT INTO shop.things VALUES (1);")
SECOND = Migration(2, "0002_more", "INSERT INTO shop.things VALUES (2);")


async def rows(url: str, statement: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def test_two_starters_apply_each_migration_once(database: str) -> None:
    """Many copies that start together leave one schema, and only one of them says that it applied it."""
    clock = SystemClock()

    applied = await asyncio.gather(
        *(migrate(database, "shop", (TABLE, SECOND), clock=clock, within_s=30) for _ in range(6))
    )

    assert sorted(applied, reverse=True) == [("0001_table", "0002_more"), *[()] * 5]
    assert await rows(database, "SELECT n FROM shop.things ORDER BY n") == [1, 2]
    assert await rows(database, "SELECT name FROM shop.schema_migrations ORDER BY number") == [
        "0001_table",
        "0002_more",
    ]


async def test_a_later_start_applies_only_what_is_new(database: str) -> None:
    """A second migration that appears later is applied to what is there."""
    clock = SystemClock()
    await migrate(database, "shop", (TABLE,), clock=clock, within_s=30)

    assert await migrate(database, "shop", (TABLE, SECOND), clock=clock, within_s=30) == ("0002_more",)
    assert await rows(database, "SELECT n FROM shop.things ORDER BY n") == [1, 2]


async def test_a_broken_migration_leaves_nothing(database: str) -> None:
    """If one statement fails, the schema is as if nobody had started."""
    broken = Migration(2, "0002_broken", "CREATE TABLE shop.half (n integer); SELECT 1 / 0;")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database, "shop", (TABLE, broken), clock=SystemClock(), within_s=30)

    assert await rows(database, "SELECT 1 FROM information_schema.schemata WHERE schema_name = 'shop'") == []


async def test_a_database_that_comes_up_late_is_waited_for(database: str, servers: Any, wire: Any) -> None:
    """A start before the database listens ends well once it does."""
    line = await wire(servers.postgres)
    await line.down()
    url = database.replace(f":{servers.postgres}/", f":{line.port}/")
    starting = asyncio.create_task(migrate(url, "shop", (TABLE,), clock=SystemClock(), within_s=30))
    await asyncio.sleep(0.3)
    assert not starting.done()

    await line.up()

    assert await starting == ("0001_table",)


async def test_a_database_that_is_created_late_is_waited_for(servers: Any) -> None:
    """A server whose database does not exist yet counts as only just starting; without an end it is an error."""
    url = f"postgresql://shop@127.0.0.1:{servers.postgres}/not_there_yet"

    with pytest.raises(DependencyDownError, match="not_there_yet"):
        await migrate(url, "shop", (TABLE,), clock=SystemClock(), within_s=1)


async def test_a_silent_database_ends_the_start_in_time(database: str, servers: Any, wire: Any) -> None:
    """A database that accepts and then says nothing costs the bound, and no more."""
    line = await wire(servers.postgres)
    line.silent = True
    url = database.replace(f":{servers.postgres}/", f":{line.port}/")

    async with asyncio.timeout(10):
        with pytest.raises(DependencyDownError, match="no migration within 1 s"):
            await migrate(url, "shop", (TABLE,), clock=SystemClock(), within_s=1)
