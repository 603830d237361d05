"""Numbered .sql files for MySQL, applied once at start, whoever starts first.

MySQL commits with every CREATE, so a file is not all there or not at all: each of its statements must be harmless when
it is run again (IF NOT EXISTS, REPLACE). A lock of the server's keeps two starts apart, and goes with its owner.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import aiomysql

from resilience import Clock
from services.common.errors import DependencyDownError
from services.common.migrations import Migration
from services.common.mysql import UNAVAILABLE, address_of

_RETRY_DELAY_S = 0.25
TRY_S = 10.0


async def migrate_mysql(
    url: str, service: str, migrations: Sequence[Migration], *, clock: Clock, within_s: float
) -> None:
    """Apply what was not applied yet; raises DependencyDownError where the database does not come up in time."""
    give_up_at = clock.now() + within_s
    while True:
        try:
            async with asyncio.timeout(TRY_S):
                await _migrate(url, service, migrations)
        except UNAVAILABLE as exc:
            if clock.now() >= give_up_at:
                raise DependencyDownError("database", f"not migrated within {within_s:g} s: {exc}") from exc
        else:
            return
        await clock.sleep(_RETRY_DELAY_S)


async def _migrate(url: str, service: str, migrations: Sequence[Migration]) -> None:
    connection = await aiomysql.connect(**address_of(url), autocommit=True, charset="utf8mb4", connect_timeout=TRY_S)
    try:
        async with connection.cursor() as cursor:
            # A lock is the server's, and its name has 64 characters at most; each database migrates by itself.
            name = f"{connection.db}:{service}"[:64]
            # 1 where we have it, 0 where its time ran out. Before the try's own end, so that it is told as what it is.
            await cursor.execute("SELECT GET_LOCK(%s, %s)", (name, int(TRY_S / 2)))
            if await cursor.fetchone() != (1,):
                raise TimeoutError(f"another start has been migrating {service} for {TRY_S / 2:g} s")
            # Not IF NOT EXISTS: aiomysql makes the server's note about that a warning of Python's.
            if not await cursor.execute("SHOW TABLES LIKE 'migrations'"):
                await cursor.execute(
                    "CREATE TABLE migrations (service varchar(64), number int, PRIMARY KEY (service, number))"
                )
            await cursor.execute("SELECT number FROM migrations WHERE service = %s", (service,))
            applied = {number for (number,) in await cursor.fetchall()}
            for migration in migrations:
                if migration.number not in applied:
                    await _apply(cursor, service, migration)
    finally:
        connection.close()


async def _apply(cursor: Any, service: str, migration: Migration) -> None:
    for statement in migration.sql.split(";\n"):
        # A driver that is given no arguments leaves the percent signs alone.
        if statement.strip():
            await cursor.execute(statement)
    await cursor.execute("REPLACE INTO migrations (service, number) VALUES (%s, %s)", (service, migration.number))
