"""From a confirmed order to its event in the topic, on real Postgres and with each broker of this machine."""

import asyncio
import json
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import services
from resilience import LinkSettings, SystemClock, link_settings, system_rng
from services.common.event_metrics import OutboxUse
from services.common.events import OrderConfirmed, dump, parse
from services.common.kafka import make_consumer, start_within, stop_within
from services.common.migrations import migrate, read_migrations
from services.common.postgres import Database
from services.orders.outbox import SETTLE, PostgresOutbox, Row
from services.orders.relay import Relay
from services.orders.relay_core import Pace, PaceSettings
from tests.integration.services.brokers import Broker

pytestmark = pytest.mark.integration

ORDERS = Path(str(services.__file__)).parent / "orders" / "migrations"
PATIENT = link_settings("protected", "notifications_to_kafka")
TOPIC = "test-arm.orders"
WAITING = "SELECT count(*) AS n FROM orders.outbox WHERE published_at IS NULL"
LOCKS = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
Eventually = Callable[..., Awaitable[None]]


async def told(broker: Broker, topic: str, ids: set[str]) -> list[Any]:
    """Return the messages of these orders once each is there; other tests of the session wrote to the topic, too."""
    consumer = make_consumer(broker.url, PATIENT, topic, auto_offset_reset="earliest")
    await start_within(consumer, PATIENT)
    try:
        found: list[Any] = []
        async with asyncio.timeout(30):
            while {message.key.decode() for message in found} != ids:
                for messages in (await consumer.getmany(timeout_ms=200)).values():
                    found += [message for message in messages if message.key.decode() in ids]
        return found
    finally:
        await stop_within(consumer, within_s=2)


def nothing_waits(shop: Any) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        [row] = await shop.rows(WAITING)
        return bool(row["n"] == 0)

    return ask


async def metrics(shop: Any) -> dict[str, float]:
    text = await (await shop.get(f"{shop.orders.url}/metrics")).text()
    found: dict[str, float] = {}
    for name, value in [line.split() for line in text.splitlines() if line.startswith("outbox_")]:
        found[name.split("{")[0]] = found.get(name.split("{")[0], 0.0) + float(value)
    return found


async def test_a_confirmed_order_is_in_the_topic_with_what_was_bought_and_by_whom(
    open_shop: Any, broker: Broker, eventually: Eventually
) -> None:
    shop = await open_shop("protected", kafka=broker.port)
    assert set((await metrics(shop)).values()) == {0.0}

    answer = await (await shop.checkout("key-1", quantity=2, customer="ada")).json()
    assert (await shop.checkout("key-1", quantity=2, customer="ada")).status == 201
    assert (await shop.checkout("key-1", quantity=2, customer="bob")).status == 422
    await eventually(nothing_waits(shop))

    [message] = await told(broker, TOPIC, {answer["order_id"]})
    event = parse(message.value)
    assert (event.customer, event.sku, event.quantity, event.amount_cents) == ("ada", "sku-0001", 2, 2_000)
    assert str(event.order_id) == answer["order_id"]
    [row] = await shop.rows("SELECT event_id, order_id, payload FROM orders.outbox")
    assert (row["event_id"], row["order_id"], row["payload"].encode()) == (
        event.event_id,
        event.order_id,
        message.value,
    )
    found = await metrics(shop)
    assert (found["outbox_published_total"], found["outbox_publish_failures_total"]) == (1.0, 0.0)
    assert found["outbox_delay_seconds_count"] == 1.0
    assert found["outbox_delay_seconds_sum"] > 0


@pytest.mark.parametrize("profile", ["naive", "protected"])
async def test_without_a_broker_the_event_stays_in_the_outbox(open_shop: Any, profile: str) -> None:
    """Events are off: the books are kept in every arm; an order that was declined leaves none."""
    shop = await open_shop(profile)

    assert (await shop.checkout("key-1")).status == 201
    assert (await shop.checkout("key-2", quantity=1000)).status == 402

    [row] = await shop.rows("SELECT payload, published_at FROM orders.outbox")
    assert json.loads(row["payload"])["customer"] == "guest"
    assert row["published_at"] is None


async def test_a_broker_that_is_away_costs_no_order_and_no_event(
    open_shop: Any, broker: Broker, wire: Any, eventually: Eventually
) -> None:
    """Customers do not notice; when it is back everything is published, once as far as the outbox knows."""
    link = await wire(broker.port)
    shop = await open_shop("protected", kafka=link.port)
    ids = [(await (await shop.checkout("before")).json())["order_id"]]
    await eventually(nothing_waits(shop))

    await link.down()
    for number in range(30):
        response = await shop.checkout(f"during-{number}")
        assert response.status == 201
        ids.append((await response.json())["order_id"])
    await eventually(lambda: _failed(shop))
    [row] = await shop.rows(WAITING)
    assert row["n"] == 30
    await link.up()

    await eventually(nothing_waits(shop))
    messages = await told(broker, TOPIC, set(ids))
    rows = await shop.rows("SELECT event_id FROM orders.outbox")
    assert {parse(message.value).event_id for message in messages} == {row["event_id"] for row in rows}
    assert len(rows) == len(ids) == 31


async def _failed(shop: Any) -> bool:
    found = await metrics(shop)
    return found["outbox_publish_failures_total"] > 0 and found["outbox_unpublished"] == 30


async def test_a_broker_that_is_killed_under_load_costs_no_event(
    open_shop: Any, kafka_broker: Broker, eventually: Eventually
) -> None:
    """The real one keeps what it has acknowledged; what it has not is sent again."""
    shop = await open_shop("protected", kafka=kafka_broker.port)
    ids: list[str] = []

    async def buy(number: int) -> None:
        response = await shop.checkout(f"key-{number}")
        assert response.status == 201
        ids.append((await response.json())["order_id"])

    for number in range(20):
        await buy(number)
    await asyncio.to_thread(kafka_broker.kill)
    for number in range(20, 40):
        await buy(number)
    await asyncio.to_thread(kafka_broker.start)

    await eventually(nothing_waits(shop), within_s=40)
    await told(kafka_broker, TOPIC, set(ids))


async def test_published_in_the_request_an_event_is_lost_with_the_broker(
    open_shop: Any, tansu_broker: Broker, wire: Any
) -> None:
    """What the naive arm shows: the order is confirmed and paid, the customer is told an error, nobody hears of it."""
    link = await wire(tansu_broker.port)
    shop = await open_shop("naive", kafka=link.port)
    ids = {(await (await shop.checkout("before")).json())["order_id"]}
    await told(tansu_broker, TOPIC, ids)
    await link.down()

    # The library asks for 40 s whether the broker is back; the customer does not wait that long.
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(shop.checkout("during"), 1)
    repeated = await shop.checkout("during")

    assert repeated.status == 201
    rows = await shop.rows(
        "SELECT status, published_at FROM orders.orders JOIN orders.outbox ON order_id = orders.id ORDER BY outbox.id"
    )
    assert [(row["status"], row["published_at"] is None) for row in rows] == [("confirmed", False), ("confirmed", True)]


@pytest.mark.parametrize(("profile", "statements"), [("protected", 2), ("naive", 3)])
async def test_a_checkout_that_is_told_of_takes_as_many_statements_of_the_pool(
    open_shop: Any, tansu_broker: Broker, eventually: Eventually, profile: str, statements: int
) -> None:
    """The event costs the protected none; published in the request, it is marked there."""
    shop = await open_shop(profile, kafka=tansu_broker.port)

    assert (await shop.checkout("key-1")).status == 201
    await eventually(nothing_waits(shop))

    text = await (await shop.get(f"{shop.orders.url}/metrics")).text()
    calls = [line for line in text.splitlines() if line.startswith("resilience_calls_total{")]
    [made] = [line.split()[-1] for line in calls if "orders_to_postgres" in line and "success" in line]
    assert float(made) == statements


# ---- the table ----


def event(order_id: uuid.UUID) -> OrderConfirmed:
    text = f'{{"occurred_at":"2026-01-02T00:00:00+00:00","order_id":"{order_id}"}}'
    fields = {"event_id": str(uuid.uuid4()), "type": "order.confirmed", "version": 1, "customer": "guest"}
    fields |= {"sku": "sku-1", "quantity": 1, "amount_cents": 1, **json.loads(text)}
    return parse(json.dumps(fields).encode())


@pytest.fixture
async def table(database: str) -> AsyncIterator[Database]:
    await migrate(database, "orders", read_migrations(ORDERS), clock=SystemClock(), within_s=30)
    pool = Database(database, LinkSettings(pool_size=4))
    await pool.open()
    yield pool
    await pool.close()


async def order(table: Database, key: str) -> uuid.UUID:
    order_id = uuid.uuid4()
    await table.row(
        "INSERT INTO orders.orders (id, idempotency_key, sku, quantity, amount_cents) VALUES ($1, $2, 'sku-1', 1, 1)",
        order_id,
        key,
    )
    return order_id


async def settle(table: Database, key: str, status: str, told: OrderConfirmed | None) -> Any:
    event_id, payload = (None, None) if told is None else (told.event_id, dump(told))
    return await table.one(SETTLE, key, status, event_id, payload)


async def fill(table: Database, count: int) -> set[str]:
    ids = [await order(table, f"key-{uuid.uuid4()}") for _ in range(count)]
    for order_id in ids:
        told = event(order_id)
        await table.row(
            "INSERT INTO orders.outbox (event_id, order_id, payload) VALUES ($1, $2, $3)",
            told.event_id,
            order_id,
            dump(told),
        )
    return {str(order_id) for order_id in ids}


async def test_twins_that_settle_at_once_write_one_event(table: Database) -> None:
    """The one that settles writes its own; the answer says which it was."""
    for number in range(20):
        key = f"key-{number}"
        order_id = await order(table, key)
        twins = [event(order_id) for _ in range(4)]

        rows = await asyncio.gather(*(settle(table, key, "confirmed", told) for told in twins))

        [winner] = [told.event_id for told, row in zip(twins, rows, strict=True) if row["told"]]
        written = await table.rows("SELECT event_id FROM orders.outbox WHERE order_id = $1", order_id)
        assert [row["event_id"] for row in written] == [winner]


async def test_a_settling_that_comes_late_or_again_writes_nothing_anew(table: Database) -> None:
    order_id = await order(table, "key")
    first, late = event(order_id), event(order_id)
    assert (await settle(table, "key", "confirmed", first))["told"]
    await table.row("DELETE FROM orders.outbox")

    assert not (await settle(table, "key", "confirmed", late))["told"]
    assert await table.rows("SELECT FROM orders.outbox") == []


async def test_an_order_that_was_declined_is_not_told_of_by_a_late_twin(table: Database) -> None:
    order_id = await order(table, "key")
    assert (await settle(table, "key", "declined", None))["status"] == "declined"

    row = await settle(table, "key", "confirmed", event(order_id))

    assert (row["status"], row["told"]) == ("declined", False)
    assert await table.rows("SELECT FROM orders.outbox") == []


# ---- the relay as a process, and beside another ----


class Collected:
    """A topic in memory; `hangs` holds who publishes."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.hangs = asyncio.Event()
        self.hangs.set()

    async def publish(self, rows: Any) -> None:
        await self.hangs.wait()
        self.rows += rows


def relay(database: str, events: Any) -> Relay:
    pace = Pace(PaceSettings(follow_s=0.1), system_rng(1))
    return Relay(PostgresOutbox(database), events, pace, OutboxUse(), clock=SystemClock(), tell=lambda *_: None)


async def test_killed_between_sending_and_marking_it_sends_the_same_event_again(
    table: Database, database: str, tansu_broker: Broker, eventually: Eventually
) -> None:
    """A SIGKILL there is a repeat under the same id, never a loss."""
    ids, arm = await fill(table, 5), f"killed-{uuid.uuid4().hex[:8]}"
    script = [sys.executable, str(Path(__file__).parent / "run_relay.py"), database, tansu_broker.url, arm]
    first = await asyncio.create_subprocess_exec(*script, "stuck", stdout=asyncio.subprocess.PIPE)
    assert first.stdout is not None
    assert await asyncio.wait_for(first.stdout.readline(), 30) == b"sent 5\n"
    first.send_signal(signal.SIGKILL)
    await first.wait()
    assert (await table.one(WAITING))["n"] == 5

    second = await asyncio.create_subprocess_exec(*script)
    try:
        await eventually(lambda: _nothing(table), within_s=30)
    finally:
        second.send_signal(signal.SIGKILL)
        await second.wait()

    messages = await told(tansu_broker, f"{arm}.orders", ids)
    assert len(messages) == 10
    assert len({parse(message.value).event_id for message in messages}) == 5


async def _nothing(table: Database) -> bool:
    return bool((await table.one(WAITING))["n"] == 0)


async def test_of_two_relays_one_publishes_and_the_other_takes_over(
    table: Database, database: str, eventually: Eventually
) -> None:
    topics = [Collected(), Collected()]
    relays = [relay(database, topic) for topic in topics]
    relays[0].start()
    first = await fill(table, 250)
    await eventually(lambda: _nothing(table))
    relays[1].start()
    second: set[str] = set()
    for _ in range(20):
        # At moments at which either could be the first to look.
        second |= await fill(table, 5)
        await asyncio.sleep(0.07)
    await eventually(lambda: _nothing(table))
    assert topics[1].rows == []
    assert [row.id for row in topics[0].rows] == sorted(row.id for row in topics[0].rows)
    assert len(topics[0].rows) == 350
    assert {row.order_id for row in topics[0].rows} == first | second

    await relays[0].close(within_s=1)
    third = await fill(table, 50)
    await eventually(lambda: _nothing(table))

    assert {row.order_id for row in topics[1].rows} == third
    await relays[1].close(within_s=1)


async def test_a_relay_that_lost_its_connection_goes_on(table: Database, database: str, eventually: Eventually) -> None:
    topic = Collected()
    one = relay(database, topic)
    one.start()
    await fill(table, 1)
    await eventually(lambda: _nothing(table))

    killed = await table.rows(LOCKS.replace("SELECT pid", "SELECT pg_terminate_backend(pid)"))
    ids = await fill(table, 3)

    assert len(killed) == 1
    await eventually(lambda: _nothing(table))
    assert ids <= {row.order_id for row in topic.rows}
    await one.close(within_s=1)


async def test_a_relay_is_closed_in_the_middle_of_a_batch(
    table: Database, database: str, eventually: Eventually
) -> None:
    """What it had under way stays in the outbox, and its connection and lock are given back."""
    topic = Collected()
    topic.hangs.clear()
    one = relay(database, topic)
    before = asyncio.all_tasks()
    one.start()
    await fill(table, 3)
    await asyncio.sleep(0.5)

    async with asyncio.timeout(5):
        await one.close(within_s=0.05)

    assert asyncio.all_tasks() == before
    assert (await table.one(WAITING))["n"] == 3
    await eventually(lambda: _unlocked(table))


async def _unlocked(table: Database) -> bool:
    return not await table.rows(LOCKS)
