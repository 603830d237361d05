"""What the outbox and the consumer say of themselves: reasons by name, delays, and no figure that nobody knows."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resilience.errors import AttemptTimeout, BreakerOpen
from services.common.errors import DependencyDownError
from services.common.event_metrics import CAUSES, REASONS, cause_of, make_consumer_use, make_outbox_use, reason_of
from services.common.events import OrderConfirmed, dump
from services.common.metrics import (
    CONSUMER_DEAD_LETTERED_TOTAL,
    CONSUMER_DELAY,
    CONSUMER_JOINED,
    CONSUMER_JOINS_TOTAL,
    CONSUMER_LAG,
    OUTBOX_DELAY,
    OUTBOX_PUBLISH_FAILURES_TOTAL,
)
from services.notifications.consumer import Consumer
from services.notifications.core import Message, Notification
from services.orders.telling import DualWrite
from tests.unit.services.test_consuming import FakeClock, FakeInbox

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def value(kit: Any, name: str, **labels: str) -> float | None:
    found: float | None = kit.registry.get_sample_value(name, {"service": "gateway", "arm": "test-arm", **labels})
    return found


def event() -> OrderConfirmed:
    return OrderConfirmed(uuid.uuid4(), uuid.uuid4(), "ann", "sku-0001", 1, 1000, NOON)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DependencyDownError("kafka", "away"), "kafka"),
        (DependencyDownError("database", "away"), "database"),
        (DependencyDownError("mail", "away"), "other"),
        (BreakerOpen("orders_to_kafka", retry_after_s=1.0), "refused"),
        (AttemptTimeout("orders_to_kafka", timeout_s=1.0), "timeout"),
        (asyncio.CancelledError(), "abandoned"),
        (RuntimeError("a mistake of ours"), "other"),
    ],
)
def test_an_attempt_that_failed_is_counted_by_what_it_failed_at(kit: Any, error: BaseException, reason: str) -> None:
    use = make_outbox_use(kit)
    assert {value(kit, OUTBOX_PUBLISH_FAILURES_TOTAL, reason=one) for one in REASONS} == {0.0}

    use.fail(error)

    assert reason_of(error) == reason
    assert value(kit, OUTBOX_PUBLISH_FAILURES_TOTAL, reason=reason) == 1.0
    assert sum(use.failed.values()) == 1


@pytest.mark.parametrize(
    ("field", "cause"),
    [("message", "unreadable"), ("type", "type"), ("version", "version"), ("sku", "field"), ("event_id", "field")],
)
def test_a_message_that_cannot_be_read_has_one_of_few_causes(field: str, cause: str) -> None:
    assert cause_of(field) == cause
    assert cause in CAUSES


async def test_published_in_the_request_an_event_has_waited_as_long_as_the_table_says(kit: Any) -> None:
    use = make_outbox_use(kit)

    class Topic:
        async def publish(self, _rows: object) -> None:
            return None

    async def published(_event: OrderConfirmed) -> float:
        return 0.3

    async def noted_before(_event: OrderConfirmed) -> None:
        return None

    await DualWrite(Topic(), use, published).tell(event())
    await DualWrite(Topic(), use, noted_before).tell(event())

    assert use.published == 2
    assert (value(kit, f"{OUTBOX_DELAY}_count"), value(kit, f"{OUTBOX_DELAY}_sum")) == (1.0, 0.3)


def test_out_of_its_group_a_consumer_does_not_say_how_much_waits(kit: Any) -> None:
    """A figure of before would look like a consumer that keeps up."""
    use = make_consumer_use(kit)
    use.lag = 7
    assert (value(kit, CONSUMER_JOINED), value(kit, CONSUMER_LAG)) == (0.0, None)

    use.joined = True
    use.joins += 1

    assert (value(kit, CONSUMER_JOINED), value(kit, CONSUMER_LAG)) == (1.0, 7.0)
    assert value(kit, CONSUMER_JOINS_TOTAL) == 1.0


class LateBook:
    """Writes each notification two seconds after its order."""

    async def tell_once(self, events: Any) -> Any:
        return [await self.tell(one) for one in events]

    async def tell(self, told: OrderConfirmed) -> Notification:
        return Notification(1, told.event_id, told.order_id, told.customer, "text", NOON + timedelta(seconds=2))


@pytest.mark.parametrize("consuming", ["once", "auto_commit"])
async def test_a_notification_is_as_late_as_it_is_after_its_order(kit: Any, consuming: Any) -> None:
    use = make_consumer_use(kit)
    inbox = FakeInbox([[Message("a.orders", 0, 0, b"k", dump(event()).encode())]])
    told: list[Notification] = []

    def spread(one: Any) -> None:
        told.extend(one)
        inbox.batches = []

    book: Any = LateBook()
    consumer = Consumer(inbox, book, consuming, spread, use, clock=FakeClock(), tell=lambda *_: None)
    if consuming == "once":
        inbox.done = _nothing  # type: ignore[assignment, method-assign]
    consumer.start()
    async with asyncio.timeout(10):
        await inbox.idle.wait()
    await consumer.close()

    assert len(told) == 1
    assert (value(kit, f"{CONSUMER_DELAY}_count"), value(kit, f"{CONSUMER_DELAY}_sum")) == (1.0, 2.0)


async def test_a_message_that_is_set_aside_is_counted_by_its_cause(kit: Any) -> None:
    use = make_consumer_use(kit)
    bad = [b"no json", b'{"type": "else"}', b'{"type": "order.confirmed", "version": 9}']
    inbox = FakeInbox([[Message("a.orders", 0, at, b"k", one) for at, one in enumerate(bad)]])
    book: Any = LateBook()
    consumer = Consumer(inbox, book, "once", lambda _: None, use, clock=FakeClock(), tell=lambda *_: None)
    consumer.start()
    async with asyncio.timeout(10):
        await inbox.idle.wait()
    await consumer.close()

    counted = {cause: value(kit, CONSUMER_DEAD_LETTERED_TOTAL, reason=cause) for cause in CAUSES}
    assert counted == {"unreadable": 1.0, "type": 1.0, "version": 1.0, "field": 0.0, "refused": 0.0}
    assert sum(use.set_aside.values()) == 3


async def _nothing(*_: object) -> None:
    return None
