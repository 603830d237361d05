"""A topic of Kafka read from its beginning to its end of now, past Toxiproxy and outside every consumer group."""

import json
from dataclasses import dataclass

from aiokafka import AIOKafkaClient, AIOKafkaConsumer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError
from aiokafka.structs import BrokerMetadata

from chaos.errors import LedgerUnreadable

FETCH_MS = 500
# An answer takes milliseconds; this is how long aiokafka looks for a topic that is not there.
REQUEST_MS = 3000


@dataclass(frozen=True, slots=True)
class Told:
    """One message. `order_id` is None where it is no event that anybody could read."""

    order_id: str | None


async def read_topic(address: str, topic: str) -> list[Told]:
    """Return every message; none where there is no such topic. Raises LedgerUnreadable. The caller bounds the time."""
    # Without a group: nobody is asked to share the partitions, and no offset is kept.
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=address, enable_auto_commit=False, request_timeout_ms=REQUEST_MS
    )
    keep_at(consumer._client, address)  # noqa: SLF001 - aiokafka gives no other way
    try:
        try:
            await consumer.start()
            return await _read(consumer)
        finally:
            await consumer.stop()
    except UnknownTopicOrPartitionError:
        return []
    except KafkaError as error:
        raise LedgerUnreadable(f"the topic {topic} cannot be read: {type(error).__name__} {error}".strip()) from error


async def _read(consumer: AIOKafkaConsumer) -> list[Told]:
    parts = sorted(consumer.assignment())
    ends = await consumer.end_offsets(parts)
    await consumer.seek_to_beginning(*parts)
    found: list[Told] = []
    # An offset may belong to a mark of a transaction, so the place that is read next decides, not a count.
    while left := [part for part in parts if await consumer.position(part) < ends[part]]:
        batches = await consumer.getmany(*left, timeout_ms=FETCH_MS)
        found += [Told(_order_id(record.value)) for batch in batches.values() for record in batch]
    return found


def _order_id(value: bytes | None) -> str | None:
    """Return the order that a message tells of; None for what is no JSON object with one."""
    try:
        event = json.loads(value or b"")
    except (ValueError, RecursionError):
        return None
    order_id = event.get("order_id") if isinstance(event, dict) else None
    return order_id if isinstance(order_id, str) else None


def keep_at(client: AIOKafkaClient, address: str) -> None:
    """Have a client call every broker at `address`: under Compose a broker calls itself by a name of its network."""
    host, _, port = address.rpartition(":")
    cluster = client.cluster
    advertised = cluster.broker_metadata

    def here(broker_id: int | str) -> BrokerMetadata | None:
        broker = advertised(broker_id)
        return None if broker is None else broker._replace(host=host, port=int(port))

    cluster.broker_metadata = here
