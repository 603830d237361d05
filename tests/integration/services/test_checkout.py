"""A checkout through all five services, over real HTTP, on a real database."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Self

import asyncpg
import pytest

pytestmark = pytest.mark.integration

RESERVATIONS = "SELECT status, quantity FROM inventory.reservations"


async def test_a_checkout_takes_one_order_one_reservation_and_one_charge(open_shop: Any) -> None:
    """A customer who checks out is told the order that is confirmed, reserved and charged."""
    shop = await open_shop("protected")

    response = await shop.checkout("key-1", sku="sku-0007", quantity=3)

    body = await response.json(content_type=None)
    assert (response.status, body["status"]) == (201, "confirmed")
    orders = await shop.rows("SELECT id::text, sku, quantity, amount_cents, status FROM orders.orders")
    assert [tuple(row) for row in orders] == [(body["order_id"], "sku-0007", 3, 3_000, "confirmed")]
    charges = await shop.rows("SELECT order_id, amount_cents, status FROM payments.charges")
    assert [tuple(row) for row in charges] == [(body["order_id"], 3_000, "charged")]
    stock = await shop.rows("SELECT available FROM inventory.stock WHERE sku = 'sku-0007'")
    assert stock[0]["available"] == 1_000_000 - 3
    assert await shop.charges_at_bank() == [{"key": body["order_id"], "order_id": body["order_id"], "count": 1}]


@pytest.mark.parametrize("profile", ["naive", "protected"])
async def test_the_same_key_gets_the_same_answer(open_shop: Any, profile: str) -> None:
    """A repeated key is answered with the first order; nothing is taken twice."""
    shop = await open_shop(profile)

    first = await shop.checkout("key-1")
    again = await shop.checkout("key-1")

    assert (first.status, again.status) == (201, 201)
    assert await first.read() == await again.read()
    assert len(await shop.rows("SELECT id FROM orders.orders")) == 1
    assert [charge["count"] for charge in await shop.charges_at_bank()] == [1]


async def test_one_key_at_the_same_time_is_one_charge(open_shop: Any) -> None:
    """Twenty requests with one key at once are one order, one reservation, one charge and one answer."""
    # Naive, because its profile refuses nobody; the bank is slow enough for all to be under way together.
    shop = await open_shop("naive", bank_latency_s=0.2)

    responses = await asyncio.gather(*(shop.checkout("key-1", quantity=2) for _ in range(20)))

    assert {response.status for response in responses} == {201}
    assert len({await response.read() for response in responses}) == 1
    assert len(await shop.rows("SELECT id FROM orders.orders")) == 1
    assert len(await shop.rows("SELECT id FROM payments.charges")) == 1
    assert [charge["count"] for charge in await shop.charges_at_bank()] == [1]
    stock = await shop.rows("SELECT available FROM inventory.stock WHERE sku = 'sku-0001'")
    assert stock[0]["available"] == 1_000_000 - 2


async def test_a_declined_charge_gives_the_stock_back(open_shop: Any) -> None:
    """A purchase above the card's limit is a 402 problem, also when repeated, and holds no stock."""
    shop = await open_shop("protected")

    first = await shop.checkout("key-1", quantity=501)
    again = await shop.checkout("key-1", quantity=501)

    for response in (first, again):
        assert response.status == 402
        assert response.content_type == "application/problem+json"
        problem = json.loads(await response.read())
        assert (problem["type"], problem["status"]) == ("urn:shop:problem:declined", 402)
        assert problem["instance"] == "/checkout"
    assert [row["status"] for row in await shop.rows("SELECT status FROM orders.orders")] == ["declined"]
    assert [tuple(row) for row in await shop.rows(RESERVATIONS)] == [("released", 501)]
    stock = await shop.rows("SELECT available FROM inventory.stock WHERE sku = 'sku-0001'")
    assert stock[0]["available"] == 1_000_000
    assert await shop.charges_at_bank() == []


async def test_what_is_not_in_stock_is_not_charged(open_shop: Any) -> None:
    """An order beyond the stock is a 409 problem and reaches no bank."""
    shop = await open_shop("protected")
    await shop.rows("UPDATE inventory.stock SET available = 2 WHERE sku = 'sku-0001' RETURNING 1")

    response = await shop.checkout("key-1", quantity=3)

    assert response.status == 409
    assert (await response.json(content_type=None))["type"] == "urn:shop:problem:out-of-stock"
    assert [row["status"] for row in await shop.rows("SELECT status FROM orders.orders")] == ["failed"]
    assert await shop.rows("SELECT 1 FROM payments.charges") == []


async def test_the_last_piece_is_sold_once(open_shop: Any) -> None:
    """Of many orders racing for one piece exactly one is confirmed; the stock is never below zero."""
    shop = await open_shop("naive")
    await shop.rows("UPDATE inventory.stock SET available = 1 WHERE sku = 'sku-0001' RETURNING 1")

    responses = await asyncio.gather(*(shop.checkout(f"key-{number}") for number in range(20)))

    assert sorted(response.status for response in responses) == [201] + [409] * 19
    stock = await shop.rows("SELECT available FROM inventory.stock WHERE sku = 'sku-0001'")
    assert stock[0]["available"] == 0
    assert sorted(row["status"] for row in await shop.rows(RESERVATIONS)) == ["held"] + ["short"] * 19


async def reserve(shop: Any, order_id: str, *, quantity: int = 1, sku: str = "sku-0001") -> int:
    body = {"order_id": order_id, "sku": sku, "quantity": quantity}
    async with shop.customer.post(f"{shop.inventory.url}/reservations", json=body) as response:
        return int(response.status)


async def release(shop: Any, order_id: str) -> int:
    async with shop.customer.delete(f"{shop.inventory.url}/reservations/{order_id}") as response:
        return int(response.status)


async def available(shop: Any) -> int:
    (row,) = await shop.rows("SELECT available FROM inventory.stock WHERE sku = 'sku-0001'")
    return int(row["available"])


async def test_too_little_once_is_too_little_for_every_repeat(open_shop: Any) -> None:
    """What came back to the stock since is not for an order that was told "out of stock", or for a product unknown."""
    shop = await open_shop("protected")
    await shop.rows("UPDATE inventory.stock SET available = 0 WHERE sku = 'sku-0001' RETURNING 1")
    assert await reserve(shop, "order-1") == 409
    assert await reserve(shop, "order-2", sku="sku-9999") == 409
    await shop.rows("UPDATE inventory.stock SET available = 5 WHERE sku = 'sku-0001' RETURNING 1")
    await shop.rows("INSERT INTO inventory.stock (sku, available) VALUES ('sku-9999', 5) RETURNING 1")

    assert [await reserve(shop, "order-1"), await reserve(shop, "order-2", sku="sku-9999")] == [409, 409]
    assert await available(shop) == 5


async def test_a_repeat_after_a_release_is_told_the_same_and_holds_nothing(open_shop: Any) -> None:
    """A late twin of a declined order cannot take its pieces again, and a second release gives nothing."""
    shop = await open_shop("protected")
    assert await reserve(shop, "order-1", quantity=3) == 201
    assert await release(shop, "order-1") == 204

    assert await reserve(shop, "order-1", quantity=3) == 201
    assert await available(shop) == 1_000_000
    assert await release(shop, "order-1") == 204
    assert await available(shop) == 1_000_000


@dataclass(frozen=True)
class Holding:
    """Holds the row of sku-0001, so that everybody who wants it meets behind it, in the order of their coming."""

    connection: "asyncpg.Connection[asyncpg.Record]"

    @classmethod
    async def start(cls, shop: Any) -> Self:
        connection = await asyncpg.connect(shop.database)
        await connection.execute("BEGIN")
        await connection.execute("SELECT 1 FROM inventory.stock WHERE sku = 'sku-0001' FOR UPDATE")
        return cls(connection)

    async def until_waiting(self, count: int) -> None:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        async with asyncio.timeout(20):
            while await self.connection.fetchval(waiting) < count:  # noqa: ASYNC110 -- the server's doing
                await asyncio.sleep(0.02)

    async def end(self) -> None:
        await self.connection.close()


async def test_a_release_and_a_late_reservation_of_one_order_do_not_lock_each_other_out(open_shop: Any) -> None:
    """Both want the stock's row first, so none holds what the other needs; whoever comes second finds it decided."""
    shop = await open_shop("naive")
    assert await reserve(shop, "order-1") == 201
    holding = await Holding.start(shop)
    late = asyncio.create_task(reserve(shop, "order-1"))
    await holding.until_waiting(1)
    releasing = asyncio.create_task(release(shop, "order-1"))
    await holding.until_waiting(2)

    await holding.end()

    assert (await late, await releasing) == (201, 204)
    assert await available(shop) == 1_000_000


async def test_reservations_and_releases_at_once_lose_no_piece_and_make_none(open_shop: Any) -> None:
    """Ten orders of one product, each reserved and released five times at once: what is held is what is missing."""
    shop = await open_shop("naive")

    orders = [f"order-{number}" for number in range(10)]
    statuses = await asyncio.gather(
        *(step(shop, order) for order in orders for _ in range(5) for step in (reserve, release))
    )

    assert set(statuses) == {201, 204}
    held = sum(row["quantity"] for row in await shop.rows(RESERVATIONS) if row["status"] == "held")
    assert await available(shop) == 1_000_000 - held


async def test_orders_that_meet_at_the_last_piece_do_not_oversell(open_shop: Any) -> None:
    """Five reservations that have all seen the last piece, and then wait for its row, end as one sale."""
    shop = await open_shop("naive")
    await shop.rows("UPDATE inventory.stock SET available = 1 WHERE sku = 'sku-0001' RETURNING 1")
    holding = await Holding.start(shop)

    reserving = [asyncio.create_task(reserve(shop, f"order-{number}")) for number in range(5)]
    await holding.until_waiting(5)
    await holding.end()

    assert sorted(await asyncio.gather(*reserving)) == [201, 409, 409, 409, 409]
    stock = await shop.rows("SELECT available FROM inventory.stock WHERE sku = 'sku-0001'")
    assert stock[0]["available"] == 0


async def test_a_key_belongs_to_one_purchase(open_shop: Any) -> None:
    """A key that comes back with another quantity is refused and changes nothing."""
    shop = await open_shop("protected")
    await shop.checkout("key-1", quantity=1)

    response = await shop.checkout("key-1", quantity=2)

    assert response.status == 422
    assert (await response.json(content_type=None))["type"] == "urn:shop:problem:key-reused"
    assert [row["quantity"] for row in await shop.rows("SELECT quantity FROM orders.orders")] == [1]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, {"sku": "sku-0001", "quantity": 1}, 400),
        ({"Idempotency-Key": "k" * 201}, {"sku": "sku-0001", "quantity": 1}, 400),
        ({"Idempotency-Key": "k"}, {"sku": "sku-0001", "quantity": 0}, 422),
        ({"Idempotency-Key": "k"}, {"sku": "sku-0001"}, 422),
        ({"Idempotency-Key": "k"}, {"sku": "../orders", "quantity": 1}, 422),
        ({"Idempotency-Key": "k"}, {"sku": "sku-0001", "quantity": 1, "price": 0}, 422),
    ],
)
async def test_bad_requests_are_problems(
    open_shop: Any, headers: dict[str, str], body: dict[str, object], status: int
) -> None:
    """What a client gets wrong is told as a problem, and no order is begun."""
    shop = await open_shop("protected")

    async with shop.customer.post(f"{shop.gateway.url}/checkout", json=body, headers=headers) as response:
        problem = await response.json(content_type="application/problem+json")

    assert response.status == problem["status"] == status
    assert set(problem) >= {"type", "title", "status", "detail", "instance"}
    assert await shop.rows("SELECT 1 FROM orders.orders") == []


async def test_unknown_paths_methods_and_products_are_problems(open_shop: Any) -> None:
    """404 and 405 are problems like every other error."""
    shop = await open_shop("protected")

    unknown = await shop.get(f"{shop.gateway.url}/nowhere")
    method = await shop.get(f"{shop.gateway.url}/checkout")
    product = await shop.get(f"{shop.gateway.url}/products/sku-9999/stock")

    assert [answer.status for answer in (unknown, method, product)] == [404, 405, 404]
    assert {answer.content_type for answer in (unknown, method, product)} == {"application/problem+json"}
