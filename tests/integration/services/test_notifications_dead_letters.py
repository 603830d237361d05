"""What notifications cannot read is set aside in a topic of its own, and holds nothing up."""

import pytest
from aiokafka import AIOKafkaProducer

from services.common.events import dump, orders_topic
from services.common.kafka import stop_within
from services.common.kafka_producer import Record
from tests.integration.services.brokers import Broker
from tests.integration.services.notifying import Eventually, Open, counts, dead_letters, event, record

pytestmark = pytest.mark.integration

BAD = [
    (b"no json", "not JSON"),
    (b"[]", "not a JSON object"),
    (b'{"type": "order.confirmed", "version": 2}', "version"),
    (b"x" * 65_537, "more than 65536"),
    (dump(event()).replace("sku-0001", "\\u0000").encode(), "sku"),
]


async def test_what_nobody_can_read_is_set_aside_with_the_reason(
    notifications: Open, broker: Broker, eventually: Eventually
) -> None:
    service = await notifications(broker)
    good = event()
    await service.publish(*(Record(b"k", value) for value, _ in BAD))
    await service.publish(record(good))
    await eventually(counts(service, 1))
    letters = await dead_letters(broker, service.arm, len(BAD))

    assert {letter.value for letter in letters} == {value for value, _ in BAD}
    for letter in letters:
        reason = dict(letter.headers)["reason"].decode()
        assert next(part for value, part in BAD if value == letter.value) in reason
        assert dict(letter.headers)["topic"] == orders_topic(service.arm).encode()
    assert await service.metric("consumer_dead_lettered_total") == len(BAD)
    assert await service.metric("consumer_joins_total") == 1
    assert await service.metric("consumer_delay_seconds_count") == 1


async def test_what_is_too_large_for_the_dead_letters_holds_nothing_up(
    notifications: Open, broker: Broker, eventually: Eventually
) -> None:
    """A broker takes 1 MB, our own producer far less: the letter keeps the beginning, and says how much there was."""
    service = await notifications(broker)
    stranger = AIOKafkaProducer(bootstrap_servers=f"127.0.0.1:{broker.port}", max_request_size=2**20)
    await stranger.start()
    try:
        await stranger.send_and_wait(orders_topic(service.arm), b"x" * 900_000, b"k" * 50_000, partition=0)
        await stranger.send_and_wait(orders_topic(service.arm), dump(event()).encode(), partition=0)
    finally:
        await stop_within(stranger, within_s=1)
    await eventually(counts(service, 1))
    (letter,) = await dead_letters(broker, service.arm, 1)
    headers = dict(letter.headers)
    assert headers["value_bytes"] == b"900000"
    assert headers["key_bytes"] == b"50000"
    assert b"more than 65536" in headers["reason"]
    assert set(letter.value) == {ord("x")}
