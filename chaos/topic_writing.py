"""Messages that a fault writes into an arm's topic, past Toxiproxy: what nobody can read, and what was there before.

Each message is read back at the offset that the broker gave it; only what is there then counts as written.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from chaos.errors import MessageFaultError
from chaos.judging.topic import keep_at

WITHIN_S = 15.0
FETCH_MS = 500
# One byte more than any service takes (services/common/events.py).
TOO_LARGE_BYTES = 64 * 1024 + 1
_POISON = (
    b"this is no JSON",
    b'["an event is an object"]',
    b'{"type": "order.confirmed", "version": 99}',
    b'{"type": "order.confirmed", "version": 1, "event_id": "no uuid"}',
    b"x" * TOO_LARGE_BYTES,
)
# Key and value.
Message = tuple[bytes | None, bytes | None]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the messages for one arm's topic: how many were asked for, and how many were read back."""

    topic: str
    asked: int
    read_back: int


def poison(count: int) -> list[Message]:
    """Return messages that are no events, of each kind in turn, under keys that spread them over the partitions."""
    return [(uuid4().bytes, _POISON[number % len(_POISON)]) for number in range(count)]


async def write(address: str, topic: str, messages: Sequence[Message], *, repeated: int) -> Receipt:
    """Write messages, and the newest `repeated` of the topic again; bounded. Raises MessageFaultError."""
    try:
        async with asyncio.timeout(WITHIN_S):
            again = await _newest(address, topic, repeated) if repeated else []
            everything = [*messages, *again]
            places = await _sent(address, topic, everything)
            found = await _read(address, places)
    except (KafkaError, OSError) as error:
        why = str(error) or f"not done within {WITHIN_S:g} s"
        raise MessageFaultError(f"the topic {topic} at {address} did not take the messages: {why}") from error
    same = sum(found.get(place) == value for place, (_, value) in zip(places, everything, strict=True))
    return Receipt(topic, len(messages) + repeated, same)


async def _sent(address: str, topic: str, messages: Sequence[Message]) -> list[tuple[TopicPartition, int]]:
    """Return where each message lies."""
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all")
    keep_at(producer.client, address)
    try:
        await producer.start()
        sent = [await producer.send(topic, value, key=key) for key, value in messages]
        told = await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return [(TopicPartition(one.topic, one.partition), one.offset) for one in told]


async def _newest(address: str, topic: str, count: int) -> list[Message]:
    """Return the newest messages of a topic, as many of each partition as of the others."""
    consumer = _consumer(address, topic)
    try:
        await consumer.start()
        parts = sorted(consumer.assignment())
        ends = await consumer.end_offsets(parts)
        begins = await consumer.beginning_offsets(parts)
        each = -(-count // max(1, len(parts)))
        spans = {part: (max(begins[part], ends[part] - each), ends[part]) for part in parts}
        found = await _between(consumer, spans)
    finally:
        await consumer.stop()
    return [(key, value) for key, value in found.values()][:count]


async def _read(address: str, places: Sequence[tuple[TopicPartition, int]]) -> dict[tuple[TopicPartition, int], object]:
    """Return the values at these places."""
    if not places:
        return {}
    spans: dict[TopicPartition, tuple[int, int]] = {}
    for part, offset in places:
        first, end = spans.get(part, (offset, offset + 1))
        spans[part] = (min(first, offset), max(end, offset + 1))
    consumer = _consumer(address)
    try:
        await consumer.start()
        found = await _between(consumer, spans)
    finally:
        await consumer.stop()
    return {place: value for place, (_, value) in found.items()}


async def _between(
    consumer: AIOKafkaConsumer, spans: dict[TopicPartition, tuple[int, int]]
) -> dict[tuple[TopicPartition, int], Message]:
    if not consumer.assignment():
        consumer.assign(list(spans))
    for part, (first, _) in spans.items():
        consumer.seek(part, first)
    found: dict[tuple[TopicPartition, int], Message] = {}
    while left := [part for part, (_, end) in spans.items() if await consumer.position(part) < end]:
        for part, records in (await consumer.getmany(*left, timeout_ms=FETCH_MS)).items():
            found |= {(part, one.offset): (one.key, one.value) for one in records if one.offset < spans[part][1]}
    return found


def _consumer(address: str, *topics: str) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=address, enable_auto_commit=False)
    keep_at(consumer._client, address)  # noqa: SLF001 - aiokafka gives no other way
    return consumer
