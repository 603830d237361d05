"""The topic of an arm's orders, as the consumer sees it, and where its dead letters go."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from resilience import Clock, LinkSettings
from resilience.profiles import Consuming
from services.common.errors import DependencyDownError
from services.common.events import dead_letters_topic, orders_topic
from services.common.kafka import ensure_topics, failing_is_down, make_consumer, start_within, stop_within
from services.common.kafka_producer import Record
from services.common.metrics import ConsumerUse
from services.notifications.consumer import Tell
from services.notifications.core import DeadLetter, Message

PARTITIONS = 4
# A batch is one statement: as many as it takes to carry 200 orders/s with few of them.
MOST_AT_ONCE = 100
# How long one look waits for messages; also how long a close can take to be noticed.
LOOK_MS = 500
# How often the positions are held against the log's ends: the lag, and whether the log is still the one we know.
LOOK_AT_ENDS_S = 2.0
ENDS_WITHIN_S = 2.0
LEAVE_S = 0.1
# In a group of one nobody else can take over, so a short session finds out nothing sooner; these are aiokafka's own.
ONCE = {"enable_auto_commit": False, "auto_offset_reset": "earliest"}


# Publishes dead letters; returns once the broker has them, raises DependencyError or Rejected.
Publish = Callable[[Sequence[Record]], Awaitable[None]]


def topics_of(arm: str) -> dict[str, int]:
    """Return the topics of an arm, each with its number of partitions."""
    return {orders_topic(arm): PARTITIONS, dead_letters_topic(arm): 1}


class KafkaInbox:
    """Owns the consumer; `set_aside` publishes with `publish`."""

    def __init__(
        self,
        url: str,
        limits: LinkSettings,
        publish: Publish,
        consuming: Consuming,
        use: ConsumerUse,
        *,
        arm: str,
        clock: Clock,
        tell: Tell,
    ) -> None:
        self._url, self._limits, self._publish = url, limits, publish
        self._group = f"{arm}.notifications"
        self._topic, self._topics = orders_topic(arm), topics_of(arm)
        self._consuming, self._use = consuming, use
        self._clock, self._tell = clock, tell
        self._consumer: AIOKafkaConsumer | None = None
        self._looked_s = 0.0

    async def open(self) -> None:
        """Make the topics where they are not there, and join the group; raises DependencyError."""
        await self._leave()
        await ensure_topics(self._url, self._limits, self._topics)
        options = {"group_id": self._group} | (ONCE if self._consuming == "once" else {})
        consumer = make_consumer(self._url, self._limits, self._topic, **options)
        await start_within(consumer, self._limits)
        self._consumer, self._looked_s = consumer, self._clock.now()

    async def next(self) -> Sequence[Message]:
        """Return what has come within LOOK_MS; raises DependencyDownError."""
        consumer = self._joined()
        with failing_is_down():
            found = await consumer.getmany(timeout_ms=LOOK_MS, max_records=MOST_AT_ONCE)
            now = self._clock.now()
            if now - self._looked_s >= LOOK_AT_ENDS_S:
                self._looked_s = now
                async with asyncio.timeout(ENDS_WITHIN_S):
                    await self._look_at_ends(consumer)
        return [
            Message(one.topic, one.partition, one.offset, one.key, one.value) for part in found.values() for one in part
        ]

    async def done(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Commit; raises DependencyDownError, also where the group has given our partitions to somebody else."""
        consumer = self._joined()
        places = {TopicPartition(*place): OffsetAndMetadata(offset, "") for place, offset in offsets.items()}
        with failing_is_down():
            async with asyncio.timeout(self._limits.attempt_timeout_s):
                await consumer.commit(places)

    async def set_aside(self, letters: Sequence[DeadLetter]) -> None:
        """Publish dead letters; raises DependencyError or Rejected."""
        await self._publish([_record(letter) for letter in letters])

    async def close(self) -> None:
        """Leave the group and disconnect."""
        await self._leave()

    async def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop_within(consumer, within_s=LEAVE_S)

    def _joined(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise DependencyDownError("kafka", "the consumer is not in its group")
        return self._consumer

    async def _look_at_ends(self, consumer: AIOKafkaConsumer) -> None:
        """Note the lag; a log that ends before our place is another log, and is read from its beginning.

        A broker that keeps its log in memory comes back with an empty one, and serves a place behind its end for ever
        nothing. The one that keeps the library's defaults does not look, and waits.
        """
        places = consumer.assignment()
        if not places:
            if self._consuming == "once":
                raise DependencyDownError("kafka", "the group has given us no partition")
            return
        ends = await consumer.end_offsets(list(places))
        lag = 0
        for place, end in ends.items():
            position = await consumer.position(place)
            if position > end and self._consuming == "once":
                self._tell("the broker has lost its log", {"partition": place.partition, "at": position, "end": end})
                consumer.seek(place, 0)
                position = 0
            lag += max(0, end - position)
        self._use.lag = lag


def _record(letter: DeadLetter) -> Record:
    message = letter.message
    headers = {
        "reason": letter.reason,
        "topic": message.topic,
        "partition": str(message.partition),
        "offset": str(message.offset),
    }
    return Record(message.key, message.value, [(name, text.encode()) for name, text in headers.items()])
