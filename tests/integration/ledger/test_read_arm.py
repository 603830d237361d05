"""The books of a real Postgres under the services' own migrations and of the real bank, read, and not read."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from chaos.booked import ArmLedger
from chaos.errors import LedgerUnreadable
from chaos.judging.ledger import read_arm, read_ids
from tests.integration.ledger.conftest import ORDER
from tests.ports import free_port

pytestmark = pytest.mark.integration


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
