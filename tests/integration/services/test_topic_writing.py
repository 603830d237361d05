"""Messages of a fault in a real topic, on each broker of this machine: written, repeated, and read back."""

import asyncio
import uuid

import pytest
from aiokafka import AIOKafkaProducer

from chaos.engines.links import Link
from chaos.errors import MessageFaultError
from chaos.judging.topic import read_topic
from chaos.recording.probe_protocols import BROKEN, conversation
from chaos.topic_writing import poison, write
from resilience import LinkSettings
from services.common.kafka import ensure_topics
from tests.integration.services.brokers import Broker

pytestmark = pytest.mark.integration


async def test_poison_and_repeats_lie_in_the_topic_and_are_read_back(broker: Broker) -> None:
    topic = f"t{uuid.uuid4().hex[:8]}.orders"
    address = broker.url.removeprefix("kafka://")
    await ensure_topics(broker.url, LinkSettings(), {topic: 4})
    producer = AIOKafkaProducer(bootstrap_servers=address)
    await producer.start()
    orders = [str(uuid.uuid4()) for _ in range(40)]
    for order in orders:
        await producer.send_and_wait(topic, f'{{"order_id": "{order}"}}'.encode(), key=order.encode())
    await producer.stop()

    bad = await write(address, topic, poison(7), repeated=0)
    again = await write(address, topic, [], repeated=20)

    assert (bad.topic, bad.asked, bad.read_back) == (topic, 7, 7)
    assert (again.asked, again.read_back) == (20, 20)
    told = [one.order_id for one in await read_topic(address, topic)]
    assert set(orders) <= set(told)
    assert len(told) == 67
    assert told.count(None) >= 7


async def test_fewer_than_were_asked_for_are_said_to_be_fewer(broker: Broker) -> None:
    """A topic that holds no message has none to repeat."""
    topic = f"t{uuid.uuid4().hex[:8]}.orders"
    address = broker.url.removeprefix("kafka://")
    await ensure_topics(broker.url, LinkSettings(), {topic: 4})

    receipt = await write(address, topic, poison(2), repeated=10)

    assert (receipt.asked, receipt.read_back) == (12, 2)


async def test_a_broker_that_is_not_there_is_named() -> None:
    with pytest.raises(MessageFaultError, match=r"the topic naive.orders at 127.0.0.1:9 did not take the messages"):
        await write("127.0.0.1:9", "naive.orders", poison(1), repeated=0)


async def test_the_probe_of_a_link_to_a_broker_is_one_exchange_on_a_kept_connection(broker: Broker) -> None:
    """A server that is no broker is not taken for one."""
    talk = conversation(Link("naive", "orders_to_kafka", broker.url.removeprefix("kafka://"), ""), "")
    await talk.connect()
    for _ in range(3):
        await talk.exchange()
    talk.close()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        other = conversation(Link("naive", "orders_to_kafka", f"{host}:{port}", ""), "")
        await other.connect()
        with pytest.raises(BROKEN):
            await other.exchange()
        other.close()
