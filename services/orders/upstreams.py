"""What orders speaks to: its table in Postgres, inventory and payments."""

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from resilience import Pipeline, link_settings
from services.common.http_client import HttpPeer, HttpSession
from services.common.kit import Kit
from services.common.migrations import MIGRATE_WITHIN_S, migrate, read_migrations
from services.common.postgres import Database
from services.common.readiness import BOUND_S, Check
from services.orders.core import Final, Inventory, Order, OrderTable, Payments
from services.orders.settings import OrdersSettings

# The conflicting row is touched, not skipped: only so does one statement return it even when a twin has just committed
# it, after our snapshot.
BEGIN = """
INSERT INTO orders.orders (id, idempotency_key, sku, quantity, amount_cents) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (idempotency_key) DO UPDATE SET idempotency_key = EXCLUDED.idempotency_key
RETURNING id, sku, quantity, amount_cents, status
"""
SETTLE = """
UPDATE orders.orders
SET status = CASE status WHEN 'pending' THEN $2 ELSE status END, settled_at = coalesce(settled_at, now())
WHERE id = $1
RETURNING status
"""


class PostgresOrders:
    """The orders table. Two statements a checkout, 2 round trips of a connection each: 4 round trips.

    On a link slowed by 800 ms a checkout holds connections for 3.2 s, and ten carry 3.1 checkouts per second.
    """

    def __init__(self, database: Database, pipeline: Pipeline) -> None:
        self._database = database
        self._pipeline = pipeline

    async def begin(self, key: str, new: Order) -> Order:
        """Insert an order, or return the one that has the key."""
        row = await self._pipeline.call(
            lambda: self._database.one(BEGIN, new.id, key, new.sku, new.quantity, new.amount_cents), idempotent=True
        )
        return Order(row["id"], row["sku"], row["quantity"], row["amount_cents"], row["status"])

    async def settle(self, order_id: uuid.UUID, status: Final) -> Final:
        """Settle once."""
        row = await self._pipeline.call(lambda: self._database.one(SETTLE, order_id, status), idempotent=True)
        settled: Final = row["status"]
        return settled


class HttpInventory:
    """Inventory over HTTP."""

    def __init__(self, peer: HttpPeer, pipeline: Pipeline) -> None:
        self._peer = peer
        self._pipeline = pipeline

    async def reserve(self, order_id: str, sku: str, quantity: int) -> bool:
        """Reserve; inventory makes repeats harmless by the order's id."""
        body = {"order_id": order_id, "sku": sku, "quantity": quantity}
        answer = await self._pipeline.call(lambda: self._peer.send("POST", "/reservations", body=body), idempotent=True)
        match answer.status:
            case 201:
                return True
            case 409:
                return False
        raise self._peer.unexpected(answer)

    async def release(self, order_id: str) -> None:
        """Release; likewise."""
        answer = await self._pipeline.call(
            lambda: self._peer.send("DELETE", f"/reservations/{order_id}"), idempotent=True
        )
        if answer.status != HTTPStatus.NO_CONTENT:
            raise self._peer.unexpected(answer)


class HttpPayments:
    """Payments over HTTP."""

    def __init__(self, peer: HttpPeer, pipeline: Pipeline) -> None:
        self._peer = peer
        self._pipeline = pipeline

    async def charge(self, order_id: str, amount_cents: int) -> bool:
        """Charge; the order's id is the key, so repeats are harmless."""
        body = {"order_id": order_id, "amount_cents": amount_cents}
        headers = {"idempotency-key": order_id}
        answer = await self._pipeline.call(
            lambda: self._peer.send("POST", "/charges", body=body, headers=headers), idempotent=True
        )
        match answer.status:
            case 201:
                return True
            case 402:
                return False
        raise self._peer.unexpected(answer)


class OrdersUpstreams:
    """Owns the pool and the session."""

    def __init__(self, settings: OrdersSettings, kit: Kit) -> None:
        to_postgres = link_settings(settings.profile, "orders_to_postgres")
        to_inventory = link_settings(settings.profile, "orders_to_inventory")
        to_payments = link_settings(settings.profile, "orders_to_payments")
        self._kit = kit
        self._url = settings.database_url
        self._database = Database(settings.database_url, to_postgres)
        self._http = HttpSession()
        inventory = self._http.to("inventory", settings.inventory_url, to_inventory)
        payments = self._http.to("payments", settings.payments_url, to_payments)
        self._peers = {"inventory": inventory, "payments": payments}
        kit.metrics.watch_pool(self._database.use)
        self.orders: OrderTable = PostgresOrders(self._database, kit.pipeline("orders_to_postgres", to_postgres))
        self.inventory: Inventory = HttpInventory(
            self._peers["inventory"], kit.pipeline("orders_to_inventory", to_inventory)
        )
        self.payments: Payments = HttpPayments(payments, kit.pipeline("orders_to_payments", to_payments))

    async def open(self) -> None:
        """Migrate, then connect."""
        migrations = read_migrations(Path(__file__).parent / "migrations")
        await migrate(self._url, "orders", migrations, clock=self._kit.clock, within_s=MIGRATE_WITHIN_S)
        await self._http.open()
        await self._database.open()

    async def close(self) -> None:
        """Close both."""
        await self._http.close()
        await self._database.close()

    def checks(self) -> Mapping[str, Check]:
        """Return what must answer."""
        peers = {name: peer.ping for name, peer in self._peers.items()}
        return {"postgres": lambda: self._database.ping(bound_s=BOUND_S), **peers}
