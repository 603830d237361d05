"""What a real topic and real tables say of the orders of one arm, and whether they have come to rest."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from chaos.booked import Delay, EventBooks
from chaos.engines.components import find_provider
from chaos.errors import LedgerUnreadable
from chaos.judging.at_rest import at_rest
from chaos.judging.event_ledger import EventSource
from chaos.judging.ledger import read_arm
from resilience.clock import SystemClock
from tests.integration.ledger.conftest import ORDER, ROOT
from tests.integration.stores import run_server
from tests.ports import free_port

pytestmark = pytest.mark.integration

EVENT = uuid.UUID(int=7)
OUTBOX = "INSERT INTO orders.outbox (event_id, order_id, payload, published_at) VALUES ($1, $2, '{}', now())"
NOTIFY = "INSERT INTO notifications.notifications (event_id, order_id, customer, text) VALUES ($1, $2, 'guest', 't')"
LATER = """
UPDATE notifications.notifications SET created_at = told.created_at + $1::text::interval FROM orders.outbox AS told
WHERE notifications.id = (SELECT max(notifications.id) FROM notifications.notifications)
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a Tansu."""
    port = free_port()
    words = ["--listener-url", f"tcp://127.0.0.1:{port}", "--advertised-listener-url", f"tcp://127.0.0.1:{port}"]
    program = find_provider("kafka", ROOT, {"LAB_KAFKA": "tansu"}).program
    with run_server(port, [*program, *words], tmp_path_factory.mktemp("tansu")):
        yield f"127.0.0.1:{port}"


@pytest.fixture
def source(broker: str) -> EventSource:
    """Return a topic of its own."""
    return EventSource(broker, f"{uuid.uuid4().hex}.orders")


@pytest.fixture
async def shop(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database, timeout=20)
    yield connection
    await connection.close()


async def publish(source: EventSource, *order_ids: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=source.address)
    await producer.start()
    for order_id in order_ids:
        await producer.send_and_wait(source.topic, json.dumps({"order_id": order_id}).encode(), order_id.encode())
    await producer.stop()


async def events(records: Path, database: str, bank: str, source: EventSource) -> EventBooks:
    ledger = await read_arm(records, arm="naive", database_url=database, bank_url=bank, source=source)
    assert ledger.events is not None
    return ledger.events


async def test_an_order_told_once_and_notified_once_agrees(
    records: Path, database: str, bank: str, source: EventSource, shop: asyncpg.Connection
) -> None:
    """An order of an earlier run in the same topic does not count."""
    await publish(source, ORDER, "of an earlier run")
    await shop.execute(NOTIFY, EVENT, uuid.UUID(ORDER))

    assert await events(records, database, bank, source) == EventBooks(
        published=1, unpublished=0, repeated=0, unreadable=0, waiting=0, notified=1, missing=0, doubled=0
    )


async def test_what_is_missing_and_what_is_double_is_named(
    records: Path, database: str, bank: str, source: EventSource, shop: asyncpg.Connection
) -> None:
    """Nothing in the topic, a row that waits in the outbox, two notifications: each under its own word."""
    await publish(source, "somebody else's")
    await shop.execute(OUTBOX.replace("now()", "NULL"), EVENT, uuid.UUID(ORDER))
    await shop.execute(NOTIFY, EVENT, uuid.UUID(ORDER))
    await shop.execute(NOTIFY, EVENT, uuid.UUID(ORDER))

    ledger = await read_arm(records, arm="naive", database_url=database, bank_url=bank, source=source)

    assert ledger.events is not None
    assert ledger.events.model_copy(update={"delay": None}) == EventBooks(
        published=0, unpublished=1, repeated=0, unreadable=0, waiting=1, notified=1, missing=0, doubled=1
    )
    # There is an order and no charge at the bank in these books, too.
    assert ledger.named.items() >= {"events.unpublished": (ORDER,), "notifications.doubled": (ORDER,)}.items()


async def test_a_broker_that_is_gone_makes_the_ledger_unreadable(records: Path, database: str, bank: str) -> None:
    nobody = EventSource(f"127.0.0.1:{free_port()}", "naive.orders")

    with pytest.raises(LedgerUnreadable, match=r"the topic naive\.orders cannot be read"):
        await read_arm(records, arm="naive", database_url=database, bank_url=bank, source=nobody)


async def test_a_shop_whose_events_are_told_is_at_rest(database: str, shop: asyncpg.Connection) -> None:
    await shop.execute(OUTBOX, EVENT, uuid.UUID(ORDER))
    await shop.execute(NOTIFY, EVENT, uuid.UUID(ORDER))

    assert await at_rest(database, bound_s=60, clock=SystemClock()) == ""


async def test_events_that_come_in_meanwhile_are_waited_for(database: str, shop: asyncpg.Connection) -> None:
    """The wait ends after the notification, not before it."""
    await shop.execute(OUTBOX, EVENT, uuid.UUID(ORDER))
    waiting = asyncio.create_task(at_rest(database, bound_s=60, clock=SystemClock()))

    done, _ = await asyncio.wait([waiting], timeout=2)
    assert not done
    await shop.execute(NOTIFY, EVENT, uuid.UUID(ORDER))

    assert await waiting == ""


async def test_events_that_still_move_at_the_end_of_the_time_are_said(database: str, shop: asyncpg.Connection) -> None:
    waiting = asyncio.create_task(at_rest(database, bound_s=5, clock=SystemClock()))
    number = 0
    while not waiting.done():
        number += 1
        await shop.execute(OUTBOX, uuid.UUID(int=100 + number), uuid.UUID(int=100 + number))
        await asyncio.wait([waiting], timeout=0.1)

    assert "have no notification" in waiting.result()


async def test_how_long_a_customer_waited_is_read_from_the_outbox_to_the_first_notification(
    records: Path, database: str, bank: str, source: EventSource, shop: asyncpg.Connection
) -> None:
    await publish(source, ORDER)
    await shop.execute(OUTBOX, EVENT, uuid.UUID(ORDER))
    for waited in ("1500 ms", "9 s"):
        await shop.execute(NOTIFY, EVENT, uuid.UUID(ORDER))
        await shop.execute(LATER, waited)

    told = await events(records, database, bank, source)

    assert told.delay == Delay(n=1, p50_ms=1500, p99_ms=1500, max_ms=1500)


async def test_what_never_moves_is_the_ledgers_to_tell(database: str, shop: asyncpg.Connection) -> None:
    await shop.execute(OUTBOX.replace("now()", "NULL"), EVENT, uuid.UUID(ORDER))

    assert await at_rest(database, bound_s=2, clock=SystemClock()) == ""


async def test_a_database_that_cannot_be_asked_is_the_ledgers_to_tell(postgres: int) -> None:
    """Without the tables, and without a server."""
    clock = SystemClock()

    assert await at_rest(f"postgresql://shop@127.0.0.1:{postgres}/postgres", bound_s=20, clock=clock) == ""
    assert await at_rest(f"postgresql://shop@127.0.0.1:{free_port()}/shop_a", bound_s=20, clock=clock) == ""
