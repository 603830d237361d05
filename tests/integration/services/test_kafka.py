"""aiokafka's clients on their link and within its limits, with each broker of this machine."""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from resilience import LinkSettings, link_settings
from services.common.errors import DependencyBrokenError, DependencyDownError, DependencyError
from services.common.kafka import ensure_topics, make_consumer, start_within, stop_within
from services.common.kafka_producer import Producer, Record
from tests.integration.services.brokers import Broker

pytestmark = pytest.mark.integration

LIMITS = link_settings("protected", "orders_to_kafka")
PATIENT = link_settings("protected", "notifications_to_kafka")
NAIVE = LinkSettings()
RECORDS = [Record(str(number).encode(), b"value %d" % number) for number in range(20)]
ONE = [Record(b"k", b"v")]


class Lines(list[tuple[str, dict[str, Any]]]):
    def tell(self, event: str, values: Mapping[str, Any]) -> None:
        self.append((event, dict(values)))


@pytest.fixture
def topic() -> str:
    """A topic that no other test has used."""
    return f"test-{uuid.uuid4().hex[:12]}.orders"


def producer(port: int, topic: str, *, limits: LinkSettings = LIMITS, careful: bool = True) -> tuple[Producer, Lines]:
    lines = Lines()
    url = f"kafka://127.0.0.1:{port}"
    return Producer(url, limits, topics={topic: 4}, careful=careful, tell=lines.tell), lines


async def read(port: int, topic: str, count: int) -> list[Any]:
    """Return the first `count` messages of a topic."""
    consumer = make_consumer(f"kafka://127.0.0.1:{port}", PATIENT, topic, auto_offset_reset="earliest")
    await start_within(consumer, PATIENT)
    try:
        found: list[Any] = []
        async with asyncio.timeout(20):
            while len(found) < count:
                for messages in (await consumer.getmany(timeout_ms=200)).values():
                    found += messages
        return found
    finally:
        await stop_within(consumer, within_s=2)


async def test_records_arrive_with_key_value_and_headers(broker: Broker, topic: str) -> None:
    sender, lines = producer(broker.port, topic)

    await sender.publish(topic, [*RECORDS, Record(None, b"dead", [("reason", b"why")])])
    await sender.close(within_s=1)

    found = await read(broker.port, topic, 21)
    assert {(message.key, message.value) for message in found if message.key} == {(r.key, r.value) for r in RECORDS}
    assert [message.headers for message in found if message.key is None] == [(("reason", b"why"),)]
    assert len({message.partition for message in found}) > 1
    # The real one knows it, Tansu does not; either way a line says which.
    assert sender.idempotent is (broker.name == "kafka")
    assert len(lines) == 1


async def test_topics_that_are_there_stay_as_they_are(broker: Broker, topic: str) -> None:
    await ensure_topics(broker.url, LIMITS, {topic: 4})
    sender, _ = producer(broker.port, topic)
    await sender.publish(topic, ONE)
    await sender.close(within_s=1)

    await ensure_topics(broker.url, LIMITS, {topic: 4, f"{topic}.dead": 1})

    assert len(await read(broker.port, topic, 1)) == 1


async def test_a_topic_that_cannot_be_made_is_named(broker: Broker) -> None:
    if broker.name == "tansu":
        pytest.skip("Tansu takes any name")
    with pytest.raises(DependencyBrokenError, match=r"the topic no/such could not be made: InvalidTopicError"):
        await ensure_topics(broker.url, LIMITS, {"no/such": 1})


async def test_every_connection_goes_over_the_link(broker: Broker, topic: str, wire: Any) -> None:
    """The broker says of itself that it listens elsewhere, and is well all the time; with the link down all ends."""
    link = await wire(broker.port)
    sender, _ = producer(link.port, topic)
    consumer = make_consumer(
        f"kafka://127.0.0.1:{link.port}",
        PATIENT,
        topic,
        group_id=topic,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6000,
    )
    await sender.publish(topic, ONE)
    await start_within(consumer, PATIENT)
    assert (await asyncio.wait_for(consumer.getone(), 20)).value == b"v"
    await consumer.commit()

    await link.down()

    with pytest.raises((DependencyError, TimeoutError)):
        await asyncio.wait_for(sender.publish(topic, ONE), 2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(consumer.commit(), 2)
    await stop_within(consumer, within_s=0.5)

    await link.up()
    await sender.publish(topic, ONE)
    await sender.close(within_s=1)
    assert len(await read(broker.port, topic, 2)) == 2


async def test_a_broker_that_was_killed_is_used_again(broker: Broker, topic: str) -> None:
    """What was acknowledged is there afterwards where the broker keeps it."""
    sender, _ = producer(broker.port, topic)
    await sender.publish(topic, RECORDS)

    await asyncio.to_thread(broker.kill)
    with pytest.raises((DependencyError, TimeoutError)):
        await asyncio.wait_for(sender.publish(topic, ONE), 1)
    await asyncio.to_thread(broker.start)

    async with asyncio.timeout(30):
        while True:
            try:
                await sender.publish(topic, [Record(b"k", b"after")])
            except DependencyError:
                await asyncio.sleep(0.2)
            else:
                break
    await sender.close(within_s=1)
    values = {message.value for message in await read(broker.port, topic, 21 if broker.survives else 1)}
    assert b"after" in values
    assert {record.value for record in RECORDS if record.value} <= values or not broker.survives


@pytest.mark.parametrize("careful", [True, False])
async def test_a_producer_on_a_silent_link_is_closed_in_time(
    tansu_broker: Broker, topic: str, wire: Any, careful: bool
) -> None:
    link = await wire(tansu_broker.port)
    sender, _ = producer(link.port, topic, limits=LIMITS if careful else NAIVE, careful=careful)
    await sender.publish(topic, ONE)
    link.silent = True
    before = asyncio.all_tasks()
    publishing = asyncio.create_task(sender.publish(topic, ONE))
    await asyncio.sleep(0.2)

    async with asyncio.timeout(5):
        publishing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await publishing
        await sender.close(within_s=0.1)

    await asyncio.sleep(0.2)
    assert {task.get_name() for task in asyncio.all_tasks() - before} == set()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\x10" + b"\0" * 16, b""])
async def test_what_is_no_broker_is_told_so(answer: bytes, topic: str) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        sender, _ = producer(server.sockets[0].getsockname()[1], topic)
        with pytest.raises((DependencyBrokenError, DependencyDownError), match=r"^kafka: "):
            await sender.publish(topic, ONE)


async def test_nobody_there_is_told_at_once_by_the_naive_too(topic: str, wire: Any) -> None:
    link = await wire(1)
    await link.down()
    sender, _ = producer(link.port, topic, limits=NAIVE, careful=False)

    async with asyncio.timeout(5):
        with pytest.raises(DependencyDownError):
            await sender.publish(topic, ONE)
