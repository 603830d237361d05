"""Numbered .sql files, applied once at start, whoever starts first.

A service may start before its database accepts connections, and two copies may start at once. So connecting is retried
within a bound, and everything else happens in one transaction under an advisory lock: it is all there or not at all,
and a copy that dies gives the lock back.
"""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from resilience import Clock
from services.common.errors import DependencyDownError
from services.common.postgres import UNAVAILABLE

_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
# Not there *yet*: beside a server that does not answer, a database that the first start has still to create.
_NOT_YET = (*UNAVAILABLE, asyncpg.InvalidCatalogNameError)
_RETRY_DELAY_S = 0.25
# How long a service waits at its start for a database that is itself only starting.
MIGRATE_WITHIN_S = 20.0
TRY_S = 5.0


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name, its statements."""

    number: int
    name: str
    sql: str


def read_migrations(folder: Path) -> tuple[Migration, ...]:
    """Return the migrations of a folder in their order; raises ValueError on a file whose name does not fit."""
    migrations = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path.name}: a migration is named 0001_what_it_does.sql")
        migrations.append(Migration(int(match[1]), path.stem, path.read_text(encoding="utf-8")))
    numbers = [migration.number for migration in migrations]
    if numbers != list(range(1, len(numbers) + 1)):
        raise ValueError(f"{folder.name}: migrations must be numbered 1, 2, 3 ... without a gap, not {numbers}")
    return tuple(migrations)


async def migrate(
    url: str, schema: str, migrations: tuple[Migration, ...], *, clock: Clock, within_s: float
) -> tuple[str, ...]:
    """Bring `schema` up to date and return the names of what was applied.

    Raises DependencyDownError when no connection was to be had, or the work was not done, within `within_s` seconds.
    """
    deadline_s = clock.now() + within_s
    while True:
        # A connection that hangs must not use up the whole time: the next one may not.
        try_s = min(TRY_S, deadline_s - clock.now())
        try:
            async with asyncio.timeout(try_s):
                return await _connect_and_apply(url, schema, migrations, try_s)
        except _NOT_YET as exc:
            if clock.now() + _RETRY_DELAY_S >= deadline_s:
                reason = str(exc) or type(exc).__name__
                raise DependencyDownError("database", f"no migration within {within_s:g} s: {reason}") from exc
        await clock.sleep(_RETRY_DELAY_S)


async def _connect_and_apply(
    url: str, schema: str, migrations: tuple[Migration, ...], timeout_s: float
) -> tuple[str, ...]:
    connection = await asyncpg.connect(url, timeout=timeout_s, command_timeout=timeout_s)
    try:
        async with connection.transaction():
            return await _apply(connection, schema, migrations)
    finally:
        # Nothing is pending on it, so there is nothing to be polite about; close() could wait on a dead link.
        connection.terminate()


async def _apply(
    connection: "asyncpg.Connection[asyncpg.Record]", schema: str, migrations: tuple[Migration, ...]
) -> tuple[str, ...]:
    # The lock is held to the end of the transaction. A copy that waited here finds everything applied.
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _lock_number(schema))
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    await connection.execute(
        f"CREATE TABLE IF NOT EXISTS {schema}.schema_migrations ("
        "number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    rows = await connection.fetch(f"SELECT number FROM {schema}.schema_migrations")  # noqa: S608 -- our own constant
    known = {row["number"] for row in rows}
    missing = [migration for migration in migrations if migration.number not in known]
    for migration in missing:
        await connection.execute(migration.sql)
        await connection.execute(
            f"INSERT INTO {schema}.schema_migrations (number, name) VALUES ($1, $2)",  # noqa: S608 -- our own constant
            migration.number,
            migration.name,
        )
    return tuple(migration.name for migration in missing)


def _lock_number(schema: str) -> int:
    """Return a 63-bit number of our own for the lock; other users of the database number theirs as they like."""
    return int.from_bytes(hashlib.sha256(f"migrations of {schema}".encode()).digest()[:8]) >> 1
