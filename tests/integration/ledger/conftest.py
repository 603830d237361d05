"""The books of one shop: a bank, a database under the services' own migrations, and what customers were told."""

import csv
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from chaos.records import COLUMNS
from tests.ports import free_port, wait_until_listening

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
    """Return the URL of a new database with the tables of orders, payments and notifications."""
    name = f"shop_{uuid.uuid4().hex[:12]}"
    server = f"postgresql://shop@127.0.0.1:{postgres}"
    admin = await asyncpg.connect(f"{server}/postgres", timeout=20)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    shop = await asyncpg.connect(f"{server}/{name}", timeout=20)
    for schema in ("orders", "payments", "notifications"):
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
