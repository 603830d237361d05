"""What orders speaks to: its tables in Postgres, inventory, payments, and Kafka."""

import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path

from resilience import PROFILES, Pipeline, link_settings
from resilience.deadline import without_deadline
from resilience.idempotency import Claim
from resilience.idempotency_postgres import claim_of
from services.common.events import OrderConfirmed, dead_letters_topic, dump, orders_topic
from services.common.http_client import HttpPeer, HttpSession
from services.common.kafka_producer import Producer, Record
from services.common.kit import Kit
from services.common.migrations import MIGRATE_WITHIN_S, migrate, read_migrations
from services.common.postgres import Database
from services.common.readiness import BOUND_S, Check
from services.orders.core import Inventory, Order, OrderTable, Payments, Settled
from services.orders.jobs import Place, make_scheduler
from services.orders.outbox import KEYS, PUBLISHED, SETTLE, Row
from services.orders.settings import OrdersSettings
from services.orders.telling import Background, Tell, make_telling


class PostgresOrders:
    """The orders table, which is the table of their keys. Two statements a checkout: claim and insert, settle and tell.

    Each is 2 round trips of a connection (`services.common.postgres`): 4 round trips. On a link slowed by 800 ms a
    checkout holds connections for 3.2 s, and ten carry 3.1 checkouts per second.

    A repeat is one claim, and one more a look while it waits.
    """

    def __init__(self, database: Database, pipeline: Pipeline) -> None:
        self._database = database
        self._pipeline = pipeline
        self.tell: Tell | None = None

    async def claim(
        self, key: str, fingerprint: str, new: Order, *, claimant: uuid.UUID, lease_s: float
    ) -> Claim[Order, Settled]:
        """Insert an order and claim its key, or find the order that has the key."""
        values = (key, fingerprint, claimant, lease_s)
        record = (new.id, new.sku, new.quantity, new.amount_cents, new.customer)
        row = await self._pipeline.call(lambda: self._database.one(KEYS.claim, *values, *record), idempotent=True)
        order = Order(row["id"], row["sku"], row["quantity"], row["amount_cents"], row["customer"])
        return claim_of(row, order, Settled(str(order.id), row["status"]))

    async def settle(self, key: str, result: Settled) -> Settled:
        """Settle once, also when the caller's time is up: the money is taken. Whoever settles it tells of it."""
        event = result.event
        told = (None, None) if event is None else (event.event_id, dump(event))
        with without_deadline():
            row = await self._pipeline.call(
                lambda: self._database.one(SETTLE, key, result.status, *told), idempotent=True
            )
        if event is not None and row["told"] and self.tell is not None:
            await self.tell(event)
        return Settled(str(row["id"]), row["status"])

    async def published(self, event: OrderConfirmed) -> float | None:
        """Note that an event was published in the request; return how many seconds after its order's commit."""
        row = await self._pipeline.call(lambda: self._database.row(PUBLISHED, event.event_id), idempotent=True)
        return None if row is None else float(row["waited_s"])

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


class KafkaEvents:
    """The topic of this arm's orders."""

    def __init__(self, producer: Producer, pipeline: Pipeline, topic: str) -> None:
        self._producer = producer
        self._pipeline = pipeline
        self._topic = topic

    async def publish(self, rows: Sequence[Row]) -> None:
        """Publish all; returns when the broker has acknowledged each. A repeat is the same event, by its id."""
        records = [Record(row.order_id.encode(), row.payload.encode()) for row in rows]
        await self._pipeline.call(lambda: self._producer.publish(self._topic, records), idempotent=True)


class OrdersUpstreams:
    """Owns the pool, the session, and what tells of orders."""

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
        table = PostgresOrders(self._database, kit.pipeline("orders_to_postgres", to_postgres))
        self.orders: OrderTable = table
        self.inventory: Inventory = HttpInventory(
            self._peers["inventory"], kit.pipeline("orders_to_inventory", to_inventory)
        )
        self.payments: Payments = HttpPayments(payments, kit.pipeline("orders_to_payments", to_payments))
        self._publishing = PROFILES[settings.profile].publishing
        self._background = self._told_by(settings, table)

    def finish_with(self, place: Place) -> None:
        """Take the way by which orders are finished that nobody works on any more; before open()."""
        careful = self._publishing == "outbox"
        self._background.scheduler = make_scheduler(place if careful else None, self._url, self._kit)

    def _told_by(self, settings: OrdersSettings, table: PostgresOrders) -> Background:
        """Return who tells of orders, in the way of the profile, to the topic if there is one."""
        producer = events = None
        if settings.kafka_url is not None:
            limits = link_settings(settings.profile, "orders_to_kafka")
            topic = orders_topic(settings.arm)
            topics = {topic: 4, dead_letters_topic(settings.arm): 1}
            careful = self._publishing == "outbox"
            producer = Producer(settings.kafka_url, limits, topics=topics, careful=careful, tell=self._kit.tell)
            events = KafkaEvents(producer, self._kit.pipeline("orders_to_kafka", limits), topic)
        relay, table.tell = make_telling(self._publishing, events, self._url, table.published, self._kit)
        return Background(relay, producer)

    async def open(self) -> None:
        """Migrate, then connect."""
        migrations = read_migrations(Path(__file__).parent / "migrations")
        await migrate(self._url, "orders", migrations, clock=self._kit.clock, within_s=MIGRATE_WITHIN_S)
        await self._http.open()
        await self._database.open()
        self._background.start()

    async def close(self) -> None:
        """Close all, first what uses the others."""
        await self._background.close()
        await self._http.close()
        await self._database.close()

    def checks(self) -> Mapping[str, Check]:
        """Return what must answer."""
        peers = {name: peer.ping for name, peer in self._peers.items()}
        return {"postgres": lambda: self._database.ping(bound_s=BOUND_S), **peers}
