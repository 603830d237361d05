"""One key sent twice, over real HTTP, on a real database: who waits, who takes over, what it costs."""

import asyncio
import re
import time
import uuid
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import services
from resilience import SystemClock
from services.common.migrations import migrate, read_migrations

pytestmark = pytest.mark.integration

ORDERS = Path(str(services.__file__)).parent / "orders" / "migrations"


async def metric(shop: Any, service: str, series: str) -> float:
    """Return a counter of a service; `series` is its name with its labels but for the arm, 0 where it is not there."""
    text = await (await shop.get(f"{getattr(shop, service).url}/metrics")).text()
    name, labels = series.removesuffix("}").split("{")
    pattern = rf"^{name}\{{(?=.*{'.*'.join(labels.split(','))}).*\}} (\S+)$"
    return sum(float(value) for value in re.findall(pattern, text, re.MULTILINE))


async def statements(shop: Any, service: str) -> float:
    return await metric(shop, service, f'resilience_calls_total{{link="{service}_to_postgres",outcome="success"}}')


@pytest.mark.parametrize("profile", ["naive", "protected"])
async def test_a_checkout_takes_two_statements_of_orders_and_two_of_payments(open_shop: Any, profile: str) -> None:
    """The scenarios' arithmetic counts on it; a repeat of a settled key takes one."""
    shop = await open_shop(profile)

    await shop.checkout("key-1")
    assert (await statements(shop, "orders"), await statements(shop, "payments")) == (2, 2)
    await shop.checkout("key-1")
    assert (await statements(shop, "orders"), await statements(shop, "payments")) == (3, 2)


@pytest.mark.parametrize("profile", ["naive", "protected"])
async def test_a_twin_waits_and_asks_nobody_but_the_database(open_shop: Any, profile: str) -> None:
    """Both are told the same order; stock, payments and bank hear of it once."""
    shop = await open_shop(profile, bank_latency_s=0.3)

    first = asyncio.create_task(shop.checkout("key-1"))
    await asyncio.sleep(0.1)
    twin = await shop.checkout("key-1")

    assert (twin.status, (await first).status) == (201, 201)
    assert await twin.read() == await (await first).read()
    assert await metric(shop, "orders", 'resilience_calls_total{link="orders_to_inventory"}') == 1
    assert await metric(shop, "orders", 'resilience_calls_total{link="orders_to_payments"}') == 1
    assert await metric(shop, "orders", 'resilience_duplicates_total{how="waited",link="gateway_to_orders"}') == 1
    assert 3 <= await statements(shop, "orders") - 1 <= 10


async def test_a_twin_of_a_hanging_checkout_is_sent_away_in_time(open_shop: Any) -> None:
    """After about a second, though nothing else is bounded here: 409 by orders, 503 at the gateway, both say when."""
    shop = await open_shop("naive", bank_latency_s=30)
    first = asyncio.create_task(shop.checkout("key-1"))
    await asyncio.sleep(0.2)
    body, headers = {"sku": "sku-0001", "quantity": 1}, {"Idempotency-Key": "key-1"}

    began = time.perf_counter()
    twin, at_orders = await asyncio.gather(
        shop.checkout("key-1"), shop.customer.post(f"{shop.orders.url}/orders", json=body, headers=headers)
    )
    took_s = time.perf_counter() - began

    assert (twin.status, twin.headers["retry-after"]) == (503, "1")
    assert (at_orders.status, at_orders.headers["retry-after"]) == (409, "1")
    assert (await at_orders.json(content_type=None))["type"] == "urn:shop:problem:in-progress"
    assert 0.9 < took_s < 3
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_checkout_that_failed_frees_its_key_in_orders_and_payments(open_shop: Any) -> None:
    """The bank was too slow: the next try is at the bank again at once, under the same ids."""
    shop = await open_shop("protected", bank_latency_s=30)

    assert (await shop.checkout("key-1")).status == 504
    for table in ("orders.orders", "payments.charges"):
        rows = await shop.rows(f"SELECT claimed_by, claimed_until, settled_at FROM {table}")  # noqa: S608 -- names above
        assert [tuple(row) for row in rows] == [(None, None, None)]
    assert (await shop.checkout("key-1")).status == 504
    assert await metric(shop, "orders", 'resilience_duplicates_total{how="taken_over",link="gateway_to_orders"}') == 1


@pytest.mark.parametrize("left_s", [-1.0, 0.5])
async def test_an_order_of_a_process_that_died_is_taken_over_when_its_lease_has_ended(
    open_shop: Any, left_s: float
) -> None:
    """It keeps its id and its price; a lease that ends within the wait is waited for."""
    shop = await open_shop("protected")
    order_id = uuid.uuid4()
    await shop.rows(
        "INSERT INTO orders.orders (id, idempotency_key, fingerprint, sku, quantity, amount_cents, claimed_by,"  # noqa: S608 -- the test's own values
        f" claimed_until) VALUES ('{order_id}', 'key-1', '1 sku-0001 guest', 'sku-0001', 1, 777, gen_random_uuid(),"
        f" now() + make_interval(secs => {left_s})) RETURNING 1"
    )

    response = await shop.checkout("key-1")

    assert (response.status, (await response.json())["order_id"]) == (201, str(order_id))
    charges = await shop.rows("SELECT order_id, amount_cents, status FROM payments.charges")
    assert [tuple(row) for row in charges] == [(str(order_id), 777, "charged")]


async def test_an_order_from_before_the_claims_is_replayed_and_its_key_kept(open_shop: Any, database: str) -> None:
    """The migration gives old rows the fingerprint that today's code would."""
    await migrate(database, "orders", read_migrations(ORDERS)[:1], clock=SystemClock(), within_s=30)
    order_id = uuid.uuid4()
    connection = await asyncpg.connect(database)
    await connection.execute(
        "INSERT INTO orders.orders (id, idempotency_key, sku, quantity, amount_cents, status, settled_at)"
        " VALUES ($1, 'key-1', 'sku-0001', 2, 2000, 'confirmed', now())",
        order_id,
    )
    await connection.close()
    shop = await open_shop("protected")

    same, other = await shop.checkout("key-1", quantity=2), await shop.checkout("key-1", quantity=3)

    assert (same.status, (await same.json())["order_id"]) == (201, str(order_id))
    assert other.status == 422
    assert await shop.charges_at_bank() == []
