"""The pool and the migrations on a real MariaDB: every wait is bounded, and the driver's traps are closed."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiomysql
import pymysql
import pytest

from resilience import LinkSettings, SystemClock
from services.common.errors import DependencyDownError
from services.common.migrations import Migration
from services.common.mysql import MySqlDatabase, address_of
from services.common.mysql_migrations import migrate_mysql
from tests.integration.services.wires import Wire

pytestmark = pytest.mark.integration

# Far more than any bound below and far less than a wait for ever.
SOON_S = 15.0
FIRST = Migration(1, "0001_first", "CREATE TABLE IF NOT EXISTS one (n int);\nREPLACE INTO one VALUES (1);\n")
SECOND = Migration(2, "0002_second", "CREATE TABLE IF NOT EXISTS two (n int)")

Open = Callable[..., Awaitable[MySqlDatabase]]


@pytest.fixture
async def pool(mysql_url: str) -> AsyncIterator[Open]:
    """Return a function that opens a pool with some limits."""
    opened: list[MySqlDatabase] = []

    async def open_(url: str = mysql_url, **limits: Any) -> MySqlDatabase:
        opened.append(MySqlDatabase(url, LinkSettings(**limits)))
        await opened[-1].open()
        return opened[-1]

    yield open_
    for one in opened:
        await one.close()


def through(url: str, line: Wire) -> str:
    return url.replace(f":{line.upstream}/", f":{line.port}/")


@pytest.fixture
async def line(mysql_url: str, wire: Callable[[int], Awaitable[Wire]]) -> Wire:
    port: int = address_of(mysql_url)["port"]
    return await wire(port)


async def test_a_statement_that_is_cut_short_spoils_nobody_elses(pool: Open) -> None:
    """Its answer is still on the way: who gets the connection next must not read it."""
    database = await pool(pool_size=1, command_timeout_s=0.1, acquire_timeout_s=5.0)
    with pytest.raises(DependencyDownError):
        await database.rows("SELECT SLEEP(0.5) AS one")
    assert await database.rows("SELECT 2 AS two") == [{"two": 2}]
    cut = asyncio.create_task(database.rows("SELECT SLEEP(0.05) AS one"))
    await asyncio.sleep(0.02)
    cut.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut
    assert await database.rows("SELECT 3 AS three") == [{"three": 3}]
    assert (database.use().size, database.use().used) == (1, 0)


async def test_whoever_is_cancelled_at_whatever_moment_everybody_else_gets_their_own_answer(pool: Open) -> None:
    database = await pool(pool_size=3)
    rng = random.Random(7)  # noqa: S311 - nobody is to be surprised

    async def ask(number: int) -> None:
        assert await database.rows("SELECT %s AS n", number) == [{"n": number}]

    async with asyncio.timeout(SOON_S):
        for _ in range(20):
            asking = [asyncio.create_task(ask(number)) for number in range(20)]
            for _ in range(10):
                await asyncio.sleep(rng.random() * 0.002)
                rng.choice(asking).cancel()
            for end in await asyncio.gather(*asking, return_exceptions=True):
                assert end is None or isinstance(end, asyncio.CancelledError)
        assert database.use().used == 0
        assert database.use().size <= 3
        assert database.use().waiting == 0


async def test_a_connection_that_broke_makes_room_for_who_waits(pool: Open) -> None:
    """The driver itself wakes nobody then: they would wait for ever for a pool that is empty."""
    database = await pool(pool_size=1)
    held = asyncio.create_task(database.rows("SELECT SLEEP(30) AS one"))
    await asyncio.sleep(0.05)
    waiting = asyncio.create_task(database.rows("SELECT 2 AS two"))
    await asyncio.sleep(0.05)
    assert database.use().waiting == 1
    held.cancel()
    async with asyncio.timeout(SOON_S):
        assert await waiting == [{"two": 2}]


async def test_where_waits_are_bounded_all_connections_are_made_at_the_start(pool: Open) -> None:
    """On a slow link a new one would take longer than anybody may wait for it."""
    ready = (await pool(pool_size=4, acquire_timeout_s=1.0)).use()
    assert (ready.size, ready.used, ready.waiting) == (4, 0, 0)
    assert (await pool(pool_size=4)).use().size == 1


async def test_who_waits_too_long_for_a_connection_is_refused(pool: Open) -> None:
    database = await pool(pool_size=1, acquire_timeout_s=0.1)
    held = asyncio.create_task(database.rows("SELECT SLEEP(0.5) AS one"))
    await asyncio.sleep(0.05)
    with pytest.raises(DependencyDownError):
        await database.rows("SELECT 1 AS one")
    assert await held == [{"one": 0}]


async def test_a_server_that_accepts_and_says_nothing_is_bounded_at_the_start_and_later(
    pool: Open, mysql_url: str, line: Wire
) -> None:
    """A proxy whose way is dead gives TCP's handshake at once; the driver's own bound ends with that."""
    database = await pool(through(mysql_url, line), pool_size=2, acquire_timeout_s=0.2, command_timeout_s=0.2)
    line.silent = True
    async with asyncio.timeout(SOON_S):
        for _ in range(3):
            with pytest.raises(DependencyDownError):
                await database.rows("SELECT 1 AS one")
        assert database.use().used == 0
        with pytest.raises(DependencyDownError):
            await pool(through(mysql_url, line), connect_timeout_s=0.05)
        line.silent = False
        assert await database.rows("SELECT 1 AS one") == [{"one": 1}]


async def test_a_statement_whose_connection_was_dropped_ends_in_the_server(pool: Open) -> None:
    database = await pool(command_timeout_s=0.2)
    # A statement that only sleeps would see that its connection is gone; this one is busy.
    with pytest.raises(DependencyDownError):
        await database.rows("SELECT BENCHMARK(2000000000, MD5('busy')) AS busy")
    async with asyncio.timeout(SOON_S):
        running = True
        while running:
            found = await database.rows("SHOW FULL PROCESSLIST")
            running = any("BENCHMARK(2" in (row["Info"] or "") for row in found)


async def test_connections_that_the_server_ended_are_not_used_again(pool: Open, mysql_url: str, line: Wire) -> None:
    database = await pool(through(mysql_url, line))
    await line.down()
    with pytest.raises(DependencyDownError):
        await database.rows("SELECT 1 AS one")
    await line.up()
    assert await database.rows("SELECT 1 AS one") == [{"one": 1}]


async def test_a_wrong_statement_is_told_as_one_and_keeps_its_connection(pool: Open) -> None:
    database = await pool(pool_size=1)
    before = await database.rows("SELECT CONNECTION_ID() AS id")
    with pytest.raises(pymysql.ProgrammingError):
        await database.rows("SELECT FROM nothing")
    assert await database.rows("SELECT CONNECTION_ID() AS id") == before


async def test_closing_waits_for_nobody_and_nobody_is_left_waiting(pool: Open) -> None:
    database = await pool(pool_size=1)
    asking = [asyncio.create_task(database.rows("SELECT SLEEP(60) AS one")) for _ in range(2)]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(SOON_S):
        await database.close()
        await database.close()
        for one in asking:
            with pytest.raises(DependencyDownError):
                await one
    with pytest.raises(DependencyDownError):
        await database.rows("SELECT 1")


async def test_migrations_are_applied_once_by_however_many_starts(mysql_url: str, pool: Open) -> None:
    async def start(*migrations: Migration) -> None:
        await migrate_mysql(mysql_url, "catalog", migrations, clock=SystemClock(), within_s=SOON_S)

    await asyncio.gather(*(start(FIRST) for _ in range(4)))
    await start(FIRST, SECOND)
    database = await pool()
    assert await database.rows("SELECT n FROM one") == [{"n": 1}]
    assert await database.rows("SELECT number FROM migrations ORDER BY number") == [{"number": 1}, {"number": 2}]


async def test_a_start_does_not_migrate_beside_another_one(mysql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.common.mysql_migrations.TRY_S", 2.0)
    other = await aiomysql.connect(**address_of(mysql_url))
    async with other.cursor() as cursor:
        await cursor.execute("SELECT GET_LOCK(%s, 0)", (f"{other.db}:catalog",))
        with pytest.raises(DependencyDownError, match="another start"):
            await migrate_mysql(mysql_url, "catalog", [FIRST], clock=SystemClock(), within_s=0.1)
        await cursor.execute("SHOW TABLES")
        assert await cursor.fetchall() == ()
    other.close()


async def test_a_mistake_in_a_migration_is_told_at_once(mysql_url: str) -> None:
    wrong = Migration(1, "0001_wrong", "CREATE TABEL one (n int)")
    with pytest.raises(pymysql.ProgrammingError, match="TABEL"):
        await migrate_mysql(mysql_url, "catalog", [wrong], clock=SystemClock(), within_s=SOON_S)


async def test_a_server_that_is_not_there_yet_is_waited_for(mysql_url: str, line: Wire) -> None:
    await line.down()
    starting = asyncio.create_task(
        migrate_mysql(through(mysql_url, line), "catalog", [FIRST], clock=SystemClock(), within_s=SOON_S)
    )
    await asyncio.sleep(0.3)
    assert not starting.done()
    await line.up()
    await starting
    await line.down()
    with pytest.raises(DependencyDownError, match="not migrated within"):
        await migrate_mysql(through(mysql_url, line), "catalog", [FIRST], clock=SystemClock(), within_s=0.3)
