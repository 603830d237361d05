"""aiokafka's clients, kept on their link and within its limits, with errors in our words.

A Kafka client asks the address it is given for the brokers, and then calls each at the address that the broker says of
itself: so it would walk round the link it was put on, and no fault there would ever reach it. `keep_on_link` is what
prevents that. It holds for one broker, or for several behind one address.

aiokafka knows one time, `request_timeout_ms`, for connecting, for an answer and for a record that waits to be sent:
that is a link's `command_timeout_s`. `connect_timeout_s` bounds the start of a client. Where a link sets nothing, the
library's own defaults hold: 40 s, and no bound on a start.
"""

import asyncio
import contextlib
import logging
import struct
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from aiokafka import AIOKafkaClient, AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.structs import BrokerMetadata

from resilience import LinkSettings
from services.common.errors import DependencyBrokenError, DependencyDownError

DEFAULT_PORT = 9092
# As long as the arm's slowest answer may take, and bounded where a profile sets nothing: a service that starts waits.
TOPICS_WITHIN_S = 10.0

# It writes each failed attempt to the root logger, on stderr; our errors say the same, once.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def address_of(url: str) -> str:
    """Return host:port of a `kafka://host:port`."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or DEFAULT_PORT}"


def keep_on_link(client: AIOKafkaClient) -> None:
    """Have `client` reach every broker at the address that it was given, whatever the brokers say of themselves.

    aiokafka looks an address up at one place only, when it opens a connection: `cluster.broker_metadata(id)`.
    """
    host, port, _ = client.hosts[0]
    advertised = client.cluster.broker_metadata

    def on_link(broker_id: int | str) -> BrokerMetadata | None:
        broker = advertised(broker_id)
        return None if broker is None else broker._replace(host=host, port=port)

    client.cluster.broker_metadata = on_link


def limits_of(limits: LinkSettings) -> dict[str, Any]:
    """Return a link's limits as aiokafka's options, none where the link sets none."""
    seconds = limits.command_timeout_s
    return {} if seconds is None else {"request_timeout_ms": round(seconds * 1000)}


def make_consumer(url: str, limits: LinkSettings, *topics: str, **options: Any) -> AIOKafkaConsumer:
    """Return a consumer on its link, not started; `options` are aiokafka's own. Stop it with `stop_within`."""
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=address_of(url), **limits_of(limits), **options)
    keep_on_link(consumer._client)  # noqa: SLF001 -- aiokafka gives no other way to its client
    return consumer


async def start_within(consumer: AIOKafkaConsumer, limits: LinkSettings) -> None:
    """Start a consumer; raises DependencyDownError or DependencyBrokenError, and has then stopped it.

    It joins its group here and waits for its share of the partitions: the link's `attempt_timeout_s` bounds that.
    """
    try:
        with nonsense_is_no_broker(), failing_is_down():
            async with asyncio.timeout(limits.attempt_timeout_s):
                await consumer.start()
    except BaseException:
        await stop_within(consumer, within_s=0.0)
        raise


async def stop_within(client: Any, *, within_s: float) -> None:
    """Stop a consumer, a producer or an admin client, politely for `within_s` seconds and then by force.

    Polite is to leave the group and to wait for what is being sent: on a link that swallows everything, for ever.
    """
    inner: AIOKafkaClient = getattr(client, "client", None) or client._client  # noqa: SLF001 -- as above
    stopping = asyncio.ensure_future(client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())
    try:
        await asyncio.wait({stopping}, timeout=within_s)
    finally:
        if not stopping.done():
            _cut(client, inner)
            stopping.cancel()
            # A sender that is cancelled waits for its requests; cancelled again, it does not.
            await asyncio.sleep(0)
            _cut(client, inner)
        elif not stopping.cancelled():
            stopping.exception()


def _cut(client: Any, inner: AIOKafkaClient) -> None:
    """End the connections and tasks of a client that does not stop by itself, and what waits for its batches."""
    for connection in list(inner._conns.values()):  # noqa: SLF001 -- as above
        connection.close()
    tasks = {"_sender": "_sender_task", "_fetcher": "_fetch_task"}
    for owner, name in [(getattr(client, part, None), name) for part, name in tasks.items()] + [(inner, "_sync_task")]:
        task = getattr(owner, name, None)
        if task is not None:
            task.cancel()
    accumulator = getattr(client, "_message_accumulator", None)
    if accumulator is not None:
        queued = [batch for batches in accumulator._batches.values() for batch in batches]  # noqa: SLF001 -- as above
        for batch in [*queued, *accumulator._pending_batches]:  # noqa: SLF001 -- as above
            batch.future.cancel()


async def ensure_topics(url: str, limits: LinkSettings, partitions: dict[str, int]) -> None:
    """Make the topics that are not there, each with its number of partitions; those that are stay as they are.

    Raises DependencyDownError or DependencyBrokenError, within TOPICS_WITHIN_S.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=address_of(url), **limits_of(limits))
    keep_on_link(admin._client)  # noqa: SLF001 -- as above
    topics = [NewTopic(name, count, 1) for name, count in partitions.items()]
    try:
        with nonsense_is_no_broker(), failing_is_down():
            async with asyncio.timeout(TOPICS_WITHIN_S):
                await admin.start()
                answer = await admin.create_topics(topics, timeout_ms=round(TOPICS_WITHIN_S * 1000))
    finally:
        await stop_within(admin, within_s=1.0)
    for topic, code, *_ in answer.topic_errors:
        if (error := for_code(code)) is not TopicAlreadyExistsError and code:
            raise DependencyBrokenError("kafka", f"the topic {topic} could not be made: {error.__name__}")


@contextlib.contextmanager
def failing_is_down() -> Iterator[None]:
    """Tell aiokafka's errors in our words: each is a broker that is not there for us. TimeoutError is an OSError."""
    try:
        yield
    except (KafkaError, OSError) as exc:
        raise DependencyDownError("kafka", f"{type(exc).__name__} {exc}".strip()) from exc


@contextlib.contextmanager
def nonsense_is_no_broker() -> Iterator[None]:
    """Tell what aiokafka stumbles over when the answers are not Kafka's; around the start of a client only."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, AssertionError, struct.error) as exc:
        raise DependencyBrokenError("kafka", f"no broker answers there: {type(exc).__name__} {exc}") from exc
