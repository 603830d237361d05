"""The two stores of the services' tests: a fresh database for each test in the one, and the cache that all share."""

import asyncio
import uuid
from dataclasses import dataclass

import asyncpg
import pytest


@dataclass(frozen=True)
class Servers:
    """The ports of the two servers of this test session."""

    postgres: int
    valkey: int


async def rows(url: str, statement: str) -> list[asyncpg.Record]:
    """Return what a statement says of a database, over a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def servers(postgres: int, valkey: int) -> Servers:
    return Servers(postgres, valkey)


@pytest.fixture
async def database(servers: Servers) -> str:
    """Return the URL of a fresh database."""
    name = f"shop_{uuid.uuid4().hex[:12]}"
    root = f"postgresql://shop@127.0.0.1:{servers.postgres}"
    for attempt in range(100):
        try:
            connection = await asyncpg.connect(f"{root}/postgres")
            break
        except (OSError, asyncpg.CannotConnectNowError):
            assert attempt < 99
            await asyncio.sleep(0.1)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return f"{root}/{name}"


@pytest.fixture
async def clean_cache(servers: Servers) -> None:
    """Empty the cache that all tests of the session share."""
    reader, writer = await asyncio.open_connection("127.0.0.1", servers.valkey)
    writer.write(b"FLUSHALL\r\n")
    assert await reader.readline() == b"+OK\r\n"
    writer.close()
    await writer.wait_closed()
