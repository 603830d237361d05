"""What orders speaks to: its table in Postgres, inventory and payments."""

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from resilience import Pipeline, link_settings
from resilience.deadline import without_deadline
from resilience.idempotency import Claim
from resilience.idempotency_postgres import KeyTable, claim_of
from services.common.http_client import HttpPeer, HttpSession
from services.common.kit import Kit
from services.common.migrations import MIGRATE_WITHIN_S, migrate, read_migrations
from services.common.postgres import Database
from services.common.readiness import BOUND_S, Check
from services.orders.core import Inventory, Order, OrderTable, Payments, Settled
from services.orders.settings import OrdersSettings

KEYS = KeyTable("orders.orders", record=("id", "sku", "quantity", "amount_cents"), result="status")


class PostgresOrders:
    """The orders table, which is the table of their keys. Two statements a checkout: claim and insert, settle.

    Each is 2 round trips of a connection: 4 round trips. On a link slowed by 800 ms a checkout holds connections for
    3.2 s, and ten carry 3.1 checkouts per second. A repeat is one claim, and one more a look while it waits.
    """

    def __init__(self, database: Database, pipeline: Pipeline) -> None:
        self._database = database
        self._pipeline = pipeline

    async def claim(
        self, key: str, fingerprint: str, new: Order, *, claimant: uuid.UUID, lease_s: float
    ) -> Claim[Order, Settled]:
        """Insert an order and claim its key, or find the order that has the key."""
        values = (key, fingerprint, claimant, lease_s, new.id, new.sku, new.quantity, new.amount_cents)
        row = await self._pipeline.call(lambda: self._database.one(KEYS.claim, *values), idempotent=True)
        order = Order(row["id"], row["sku"], row["quantity"], row["amount_cents"])
        return claim_of(row, order, Settled(str(order.id), row["status"]))

    async def settle(self, key: str, result: Settled) -> Settled:
        """Settle once, also when the caller's time is up: the money is taken."""
        with without_deadline():
            row = await self._pipeline.call(
                lambda: self._database.one(KEYS.settle, key, result.status), idempotent=True
            )
        return Settled(str(row["id"]), row["status"])

    async def give_back(self, key: str, claimant: uuid.UUID) -> None:
        """End the claim, also when the caller's time is up: that may be why."""
        with without_deadline():
            await self._pipeline.call(lambda: self._database.row(KEYS.give_back, key, claimant), idempotent=True)


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
        # Also when the caller's time is up: what is not given back is sold to nobody.
        with without_deadline():
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
        self._http = HttpSession(kit.clock)
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
