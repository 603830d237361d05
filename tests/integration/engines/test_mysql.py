"""MariaDB of compose.yaml as the local engine starts it, where the machine has it."""

import asyncio
import os

import aiomysql
import pymysql
import pytest

from chaos.engines.components import find_provider
from chaos.engines.ports import is_free
from chaos.errors import ComponentMissing, TopologyError
from tests.integration.engines.tiny import REPOSITORY, Tiny

pytestmark = pytest.mark.integration


@pytest.fixture
def database(tiny: Tiny) -> Tiny:
    """Return a topology of the database alone."""
    place = tiny.root / ".lab" / "mariadb"
    place.parent.mkdir()
    place.symlink_to(REPOSITORY / ".lab" / "mariadb")
    try:
        find_provider("mysql", tiny.root, os.environ)
    except ComponentMissing as error:
        pytest.skip(str(error))
    tiny.components("mysql")
    return tiny


async def ask(port: int, statement: str, schema: str = "shop_a") -> list[tuple[object, ...]]:
    connection = await aiomysql.connect(
        host="127.0.0.1", port=port, user="shop", password="", db=schema, autocommit=True
    )
    try:
        async with connection.cursor() as cursor:
            await cursor.execute(statement)
            return list(await cursor.fetchall())
    finally:
        connection.close()


async def test_it_serves_the_databases_of_the_shop_and_leaves_nothing(database: Tiny) -> None:
    port = database.ports["mysql"]

    async with database.engine() as lab:
        (component,) = lab.components
        assert await ask(port, "SELECT 1") == [(1,)]
        shown = {name for (name,) in await ask(port, "SHOW DATABASES")}
        assert shown >= {"shop_a", "shop_b", "shop_c"}
        # The shop's account may do what it needs and no more.
        for refused in ("SELECT * FROM mysql.global_priv", "CREATE DATABASE mine"):
            with pytest.raises(pymysql.MySQLError):
                await ask(port, refused)
        family = lab.pids()

    assert component.name == "mysql"
    assert any("MariaDB" in line for line in database.lines)
    assert family
    assert is_free(port)
    assert database.nothing_left()


async def test_a_killed_one_comes_back_with_what_was_committed(database: Tiny) -> None:
    """Its init script is run again, on databases that are there."""
    port = database.ports["mysql"]

    async with database.engine() as lab:
        await ask(port, "CREATE TABLE kept (n int)")
        await ask(port, "INSERT INTO kept VALUES (7)")
        await lab.processes.kill("mysql")
        with pytest.raises(pymysql.MySQLError):
            await ask(port, "SELECT n FROM kept")
        await lab.processes.start_again("mysql")
        async with asyncio.timeout(20):
            while True:
                try:
                    found = await ask(port, "SELECT n FROM kept")
                except pymysql.OperationalError:
                    await asyncio.sleep(0.05)
                else:
                    break
        assert found == [(7,)]
    assert database.nothing_left()


async def test_what_cannot_be_honoured_is_refused(database: Tiny) -> None:
    database.services["mysql"]["environment"] = {"MARIADB_DATABASE": "mine"}

    with pytest.raises(TopologyError, match="MARIADB_DATABASE"):
        async with database.engine():
            pass
