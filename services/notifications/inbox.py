"""The topic of an arm's orders, as the consumer sees it, and where its dead letters go."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from resilience import Clock, LinkSettings
from resilience.profiles import Consuming
from services.common.errors import DependencyDownError
from services.common.event_metrics import ConsumerUse
from services.common.events import MAX_BYTES, dead_letters_topic, orders_topic
from services.common.kafka import ensure_topics, failing_is_down, make_consumer, start_within, stop_within
from services.common.kafka_producer import Record
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
# What a dead letter keeps of its message. A broker takes up to 1 MB, from anybody; with our headers, the largest would
# not go back in, and would hold its partition for ever.
KEPT_BYTES = MAX_BYTES + 1024
KEPT_KEY_BYTES = 1024
KEPT_REASON = 500
# A member that is gone without a word, as after the broker's own death, is in the group until its session is over, and
# a join waits for it. So the session must be shorter than the link's time for a join, or each try leaves the next one a
# member to wait for. 6 s is the shortest that a broker allows.
SESSION_S = 6.0
ONCE = {
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "session_timeout_ms": round(SESSION_S * 1000),
    "heartbeat_interval_ms": round(SESSION_S * 1000 / 3),
}


# Publishes dead letters; returns once the broker has them, raises DependencyError or Rejected.
Publish = Callable[[Sequence[Record]], Awaitable[None]]


def topics_of(arm: str) -> dict[str, int]:
    """Return the topics of an arm, each with its number of partitions."""
    return {orders_topic(arm): PARTITIONS, dead_letters_topic(arm): 1}


class _Joins(ConsumerRebalanceListener):  # type: ignore[misc]
    """Counts how often the group gives us our share: also where the client itself joins again, unseen."""

    def __init__(self, use: ConsumerUse) -> None:
        self._use = use

    def on_partitions_revoked(self, revoked: object) -> None:
        """Do nothing: what is under way is not let go of before its effect."""

    def on_partitions_assigned(self, assigned: object) -> None:
        """Count."""
        del assigned
        self._use.joins += 1


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
        consumer = make_consumer(self._url, self._limits, **options)
        consumer.subscribe([self._topic], listener=_Joins(self._use))
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
        """Note the lag; a log that ends before our place and knows no place of ours is another, and is read from 0.

        A broker that keeps its log in memory comes back with an empty one, and serves a place behind its end for ever
        nothing. Its end alone does not say so: Tansu counts the last batch as one message. The one that keeps the
        library's defaults does not look, and waits.
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
            if position > end and self._consuming == "once" and await consumer.committed(place) is None:
                self._tell("the broker has lost its log", {"partition": place.partition, "at": position, "end": end})
                consumer.seek(place, 0)
                position = 0
            lag += max(0, end - position)
        self._use.lag = lag


def _record(letter: DeadLetter) -> Record:
    """Return what goes into the dead-letter topic: the message, or its beginning where the whole is too large."""
    message = letter.message
    key, value = message.key, message.value
    headers = {
        "reason": letter.reason[:KEPT_REASON],
        "topic": message.topic,
        "partition": str(message.partition),
        "offset": str(message.offset),
    }
    if key is not None and len(key) > KEPT_KEY_BYTES:
        headers["key_bytes"], key = str(len(key)), key[:KEPT_KEY_BYTES]
    if value is not None and len(value) > KEPT_BYTES:
        headers["value_bytes"], value = str(len(value)), value[:KEPT_BYTES]
    if key is None and value is None:
        # The client refuses to send neither; "it is empty" is in the reason.
        value = b""
    return Record(key, value, [(name, text.encode()) for name, text in headers.items()])
