"""The pool on a real Postgres: its waits are bounded where the profile says so, and the driver's traps are closed."""

import asyncio
from typing import Any

import asyncpg
import pytest

from resilience import LinkSettings
from services.common.errors import DependencyDownError
from services.common.postgres import Database

pytestmark = pytest.mark.integration

# Far more than any bound below and far less than the half minute that each trap would cost.
SOON_S = 10.0
# The wait for a connection, which asyncpg also takes for the release, is long on purpose: whoever waits for it is seen.
BOUNDED = LinkSettings(connect_timeout_s=5, acquire_timeout_s=30, command_timeout_s=0.3)


async def silent_database(servers: Any, database: str, wire: Any, limits: LinkSettings) -> tuple[Database, Any]:
    line = await wire(servers.postgres)
    opened = Database(database.replace(f":{servers.postgres}/", f":{line.port}/"), limits)
    await opened.open()
    line.silent = True
    return opened, line


async def test_a_statement_cut_short_does_not_wait_for_its_release(servers: Any, database: str, wire: Any) -> None:
    """On a silent line a bounded statement ends at its bound; the release, bounded by 30 s, is not waited for."""
    opened, _ = await silent_database(servers, database, wire, BOUNDED)

    async with asyncio.timeout(SOON_S):
        with pytest.raises(DependencyDownError):
            await opened.row("SELECT 1")
        await opened.close()


async def test_a_cancelled_statement_does_not_wait_for_its_release(servers: Any, database: str, wire: Any) -> None:
    """A caller who is cancelled leaves at once, and the pool has its place back."""
    opened, line = await silent_database(servers, database, wire, BOUNDED)
    caller = asyncio.create_task(opened.row("SELECT 1"))
    await asyncio.sleep(0.05)
    assert opened.use().used == 1

    async with asyncio.timeout(SOON_S):
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert opened.use().used == 0
        line.silent = False
        assert await opened.row("SELECT 1 AS one") is not None
        await opened.close()


async def test_a_statement_whose_connection_was_dropped_ends_in_the_server(database: str) -> None:
    """The server does not go on with what nobody waits for any more, and its locks are free."""
    opened = Database(database, BOUNDED)
    await opened.open()
    with pytest.raises(DependencyDownError):
        await opened.row("SELECT pg_sleep(60)")
    await opened.close()

    watcher = await asyncpg.connect(database)
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(60)'"
    async with asyncio.timeout(SOON_S):
        while await watcher.fetchval(f"{count} AND pid <> pg_backend_pid()"):  # noqa: ASYNC110 -- the server's doing
            await asyncio.sleep(0.05)
    await watcher.close()


@pytest.mark.parametrize("limits", [LinkSettings(), BOUNDED], ids=["naive", "bounded"])
async def test_closing_does_not_wait_for_a_silent_line(
    servers: Any, database: str, wire: Any, limits: LinkSettings
) -> None:
    """A pool whose connections all hang is closed in time, and the callers are told."""
    opened, _ = await silent_database(servers, database, wire, limits)
    callers = [asyncio.create_task(opened.row("SELECT pg_sleep(60)")) for _ in range(12)]
    await asyncio.sleep(0.05)
    assert (opened.use().size, opened.use().used, opened.use().waiting) == (10, 10, 2)

    async with asyncio.timeout(SOON_S):
        await opened.close()
        ends = await asyncio.gather(*callers[:10], return_exceptions=True)
    assert {type(end) for end in ends} == {DependencyDownError}
    for caller in callers[10:]:
        caller.cancel()
    await asyncio.gather(*callers[10:], return_exceptions=True)


async def test_waiting_for_a_connection_is_bounded_and_counted(database: str) -> None:
    """The eleventh caller is counted as waiting, and refused when its time is over."""
    opened = Database(database, LinkSettings(acquire_timeout_s=0.5))
    await opened.open()
    holders = [asyncio.create_task(opened.row("SELECT pg_sleep(60)")) for _ in range(10)]
    await asyncio.sleep(0.05)
    eleventh = asyncio.create_task(opened.row("SELECT 1"))
    await asyncio.sleep(0.05)
    assert opened.use().waiting == 1

    async with asyncio.timeout(SOON_S):
        with pytest.raises(DependencyDownError):
            await eleventh
    assert opened.use().waiting == 0
    for holder in holders:
        holder.cancel()
    await asyncio.gather(*holders, return_exceptions=True)
    await opened.close()


async def test_a_wrong_statement_is_our_error_and_keeps_the_connection(database: str) -> None:
    """What the server refuses is told as it is; it says nothing against the database."""
    opened = Database(database, BOUNDED)
    await opened.open()

    with pytest.raises(asyncpg.UndefinedTableError):
        await opened.row("SELECT * FROM nowhere")

    assert opened.use().size == 10
    await opened.close()


@pytest.mark.parametrize(("reset_sessions", "left"), [(True, ""), (False, "somebody")])
async def test_what_a_statement_leaves_in_its_session_is_cleared_where_the_profile_says_so(
    database: str, reset_sessions: bool, left: str
) -> None:
    """The one connection of the pool, as the next caller finds it."""
    opened = Database(database, LinkSettings(pool_size=1, reset_sessions=reset_sessions))
    await opened.open()
    await opened.row("SELECT set_config('application_name', 'somebody', false)")

    assert (await opened.one("SELECT current_setting('application_name')"))[0] == left
    await opened.close()


async def test_a_transaction_that_is_left_open_ends_with_its_caller_also_without_a_reset(database: str) -> None:
    opened = Database(database, LinkSettings(pool_size=1, reset_sessions=False))
    await opened.open()
    await opened.row("BEGIN")

    with pytest.raises(asyncpg.NoActiveSQLTransactionError):
        await opened.row("SAVEPOINT here")
    await opened.close()
