"""The books of a real Postgres under the services' own migrations and of the real bank, read, and not read."""

import asyncio
import csv
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from chaos.errors import LedgerUnreadable
from chaos.judging.ledger import read_arm, read_ids
from chaos.records import COLUMNS
from chaos.run import ArmLedger
from tests.integration.load.conftest import free_port, postgres, wait_until_listening

pytestmark = pytest.mark.integration

__all__ = ["postgres"]  # the fixture of the load tests

ROOT = Path(__file__).parents[3]
ORDER = str(uuid.UUID(int=1))


@pytest.fixture(scope="module")
def bank() -> Iterator[str]:
    """Return the URL of a bank that takes no time."""
    port = free_port()
    settings = {"LAB_ARM": "naive", "BANK_LATENCY_MS": "0", "BANK_SLOTS": "8"}
    argv = [sys.executable, "-m", "uvicorn", "--factory", "services.bank.app:main", "--port", str(port)]
    server = subprocess.Popen(argv, cwd=ROOT, env={**os.environ, **settings}, stderr=subprocess.DEVNULL)
    try:
        wait_until_listening(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture
async def database(postgres: int) -> str:
    """Return the URL of a new database with the tables of orders and payments."""
    name = f"shop_{uuid.uuid4().hex[:12]}"
    server = f"postgresql://shop@127.0.0.1:{postgres}"
    admin = await asyncpg.connect(f"{server}/postgres", timeout=20)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    shop = await asyncpg.connect(f"{server}/{name}", timeout=20)
    for schema in ("orders", "payments"):
        await shop.execute(f"CREATE SCHEMA {schema}")
        for file in sorted((ROOT / "services" / schema / "migrations").glob("*.sql")):
            await shop.execute(file.read_text())
    await shop.execute(
        "INSERT INTO orders.orders (id, idempotency_key, sku, quantity, amount_cents, status)"
        " VALUES ($1, 'key-1', 'sku-0001', 1, 1000, 'confirmed')",
        uuid.UUID(ORDER),
    )
    await shop.execute(
        "INSERT INTO payments.charges (id, idempotency_key, order_id, amount_cents, status)"
        " VALUES ($1, 'charge-1', $2, 1000, 'charged')",
        uuid.UUID(int=2),
        ORDER,
    )
    await shop.close()
    return f"{server}/{name}"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Return the records of one customer who was told of the order at the second click, and one who gave up."""
    path = tmp_path / "requests.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerow(["naive", "checkout", 1, 0.5, 0.1, 20, 201, "answered", "key-1", ORDER, "", 0])
        rows.writerow(["naive", "checkout", 0, 0.4, 0.1, 5000, 0, "gave_up", "key-1", "", "", 0])
        rows.writerow(["naive", "checkout", 2, 0.6, 0.1, 5000, 0, "gave_up", "key-2", "", "", 0])
        rows.writerow(["protected", "checkout", 1, 0.5, 0.1, 20, 201, "answered", "other", "x", "", 0])
    return path


async def charge(bank: str) -> None:
    headers = {"Idempotency-Key": f"charge-{ORDER}"}
    async with aiohttp.ClientSession() as session:
        body = {"order_id": ORDER, "amount_cents": 1000}
        async with session.post(f"{bank}/charges", json=body, headers=headers) as response:
            assert response.status == 201


async def test_the_ids_in_all_three_books_are_read(database: str, bank: str) -> None:
    """What stands there before a run is known by the order's id, whichever book it stands in."""
    await charge(bank)

    assert await read_ids(arm="naive", database_url=database, bank_url=bank) == {ORDER}


async def test_the_books_of_an_arm_are_read_from_their_servers(records: Path, database: str, bank: str) -> None:
    await charge(bank)

    assert await read_arm(records, arm="naive", database_url=database, bank_url=bank) == ArmLedger(
        acknowledged=1,
        orders_found=1,
        orders_lost=0,
        orders_doubled=0,
        charges_found=1,
        charges_lost=0,
        charges_doubled=0,
        ambiguous=0,
        unsettled=0,
    )


async def refused(records: Path, database: str, bank: str, timeout_s: float = 10) -> str:
    with pytest.raises(LedgerUnreadable) as caught:
        await read_arm(records, arm="naive", database_url=database, bank_url=bank, timeout_s=timeout_s)
    return str(caught.value)


async def test_a_database_or_bank_that_is_gone_is_named(records: Path, database: str, bank: str) -> None:
    nobody = f"127.0.0.1:{free_port()}"

    assert "cannot be read" in await refused(records, f"postgresql://shop@{nobody}/shop_a", bank)
    assert "cannot be read" in await refused(records, database, f"http://{nobody}")


async def test_a_database_without_the_tables_is_named(records: Path, postgres: int, bank: str) -> None:
    said = await refused(records, f"postgresql://shop@127.0.0.1:{postgres}/postgres", bank)

    assert "orders.orders" in said


async def test_records_that_are_damaged_or_gone_are_named(records: Path, database: str, bank: str) -> None:
    with records.open("a") as file:
        file.write("naive,checkout,x\n")

    assert "are damaged" in await refused(records, database, bank)
    assert "cannot be read" in await refused(records.parent / "gone.csv", database, bank)


@pytest.mark.parametrize("hanging", ["database", "bank"])
async def test_a_server_that_never_answers_is_waited_for_within_a_bound(
    records: Path, database: str, bank: str, hanging: str
) -> None:
    async def mute(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        urls = {"database": f"postgresql://shop@127.0.0.1:{port}/shop_a", "bank": f"http://127.0.0.1:{port}"}
        asked = {"database": database, "bank": bank, hanging: urls[hanging]}

        assert "within 0.3 s" in await refused(records, asked["database"], asked["bank"], timeout_s=0.3)


async def test_a_reading_that_is_cancelled_ends_as_cancelled(records: Path, database: str, bank: str) -> None:
    reading = asyncio.create_task(read_arm(records, arm="naive", database_url=database, bank_url=bank))
    await asyncio.sleep(0)
    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading
