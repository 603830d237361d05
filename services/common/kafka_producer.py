"""One aiokafka producer: as careful as Kafka allows, or as the library makes it by itself.

Careful is: every replica has it before it counts (acks=all), the broker drops what a retry sends twice (idempotence,
where the broker knows that), and what waits is bounded. A producer that failed is closed and made anew: nothing of what
it had under way is sent behind our back, after the next one's records.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownError, UnsupportedVersionError

from resilience import LinkSettings
from services.common.errors import DependencyDownError
from services.common.events import MAX_BYTES
from services.common.kafka import (
    address_of,
    ensure_topics,
    failing_is_down,
    keep_on_link,
    limits_of,
    nonsense_is_no_broker,
    stop_within,
)

# For a record's key and headers beside the largest value.
MAX_REQUEST_BYTES = MAX_BYTES + 4096

# What a broker without idempotence says when it is asked for a producer's id; Tansu the first.
_NO_IDEMPOTENCE = (UnknownError, UnsupportedVersionError)


@dataclass(frozen=True, slots=True)
class Record:
    """One message. Those of one key keep their order."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = field(default=())


class Producer:
    """Owns the client. It starts with the first use; close() belongs to the lifespan of the process.

    `topics` (name -> partitions) are made where they are not there, at each start. `careful`: see the module.
    `tell(event, values)` writes a line of the log.
    """

    def __init__(
        self,
        url: str,
        limits: LinkSettings,
        *,
        topics: Mapping[str, int],
        careful: bool,
        tell: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        self._url = url
        self._limits = limits
        self._topics = dict(topics)
        self._careful = careful
        self._tell = tell
        self._client: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        # Whether the broker knows idempotence; None until it was asked.
        self.idempotent: bool | None = None

    async def open(self) -> None:
        """Make the topics and connect, unless that is done; raises DependencyDownError or DependencyBrokenError."""
        async with self._starting:
            if self._client is None:
                await ensure_topics(self._url, self._limits, self._topics)
                self._client = await self._started()

    async def publish(self, topic: str, records: Sequence[Record]) -> None:
        """Send `records` and return when the broker has acknowledged each; connects first where that is to be done.

        Raises DependencyDownError or DependencyBrokenError: then any of them may be in the topic or not.
        """
        await self.open()
        client = self._client
        if client is None:
            raise DependencyDownError("kafka", "the producer is closed")
        try:
            with failing_is_down():
                sent = [
                    await client.send(topic, record.value, record.key, headers=list(record.headers))
                    for record in records
                ]
                await asyncio.gather(*sent)
        except BaseException:
            if self._careful:
                await self._drop(client, within_s=0.0)
            raise

    async def close(self, *, within_s: float) -> None:
        """Wait for what is being sent, `within_s` seconds at most, and disconnect."""
        if self._client is not None:
            await self._drop(self._client, within_s=within_s)

    async def _drop(self, client: AIOKafkaProducer, *, within_s: float) -> None:
        if self._client is client:
            self._client = None
        await stop_within(client, within_s=within_s)

    async def _started(self) -> AIOKafkaProducer:
        """Return a started client, idempotent where that is wanted and the broker knows it."""
        if self._careful and self.idempotent is not False:
            try:
                client = await self._start(enable_idempotence=True)
            except _NO_IDEMPOTENCE as exc:
                self.idempotent = False
                self._tell("the broker knows no idempotent producer", {"error": type(exc).__name__})
            else:
                self.idempotent = True
                self._tell("publishing idempotently", {})
                return client
        return await self._start()

    async def _start(self, **options: Any) -> AIOKafkaProducer:
        """Return a started client; raises what says that there is no idempotence, else as open() does."""
        if self._careful:
            options |= {"acks": "all", "max_batch_size": MAX_REQUEST_BYTES, "max_request_size": 2 * MAX_REQUEST_BYTES}
        client = AIOKafkaProducer(bootstrap_servers=address_of(self._url), **limits_of(self._limits), **options)
        keep_on_link(client.client)
        try:
            async with asyncio.timeout(self._limits.connect_timeout_s):
                await client.start()
        except _NO_IDEMPOTENCE:
            await stop_within(client, within_s=0.0)
            raise
        except BaseException:
            await stop_within(client, within_s=0.0)
            with nonsense_is_no_broker(), failing_is_down():
                raise
        return client
