"""A relay as a process of its own, for tests that kill it: DATABASE_URL KAFKA_URL ARM, and `stuck` to never mark.

It says "sent" once the broker has acknowledged a batch that it does not mark.
"""

import asyncio
import sys
from collections.abc import Sequence

from resilience import SystemClock, link_settings, system_rng
from services.common.event_metrics import OutboxUse
from services.common.events import orders_topic
from services.common.kafka_producer import Producer, Record
from services.orders.outbox import PostgresOutbox, Row
from services.orders.relay import Relay
from services.orders.relay_core import Pace, PaceSettings


class Stuck(PostgresOutbox):
    """An outbox that never marks."""

    async def mark(self, rows: Sequence[Row]) -> Sequence[float]:
        sys.stdout.write(f"sent {len(rows)}\n")
        sys.stdout.flush()
        await asyncio.sleep(3600)
        return []


class Events:
    """The topic, without a pipeline around it."""

    def __init__(self, url: str, arm: str) -> None:
        self._topic = orders_topic(arm)
        limits = link_settings("protected", "orders_to_kafka")
        self._producer = Producer(url, limits, topics={self._topic: 4}, careful=True, tell=lambda *_: None)

    async def publish(self, rows: Sequence[Row]) -> None:
        await self._producer.publish(self._topic, [Record(row.order_id.encode(), row.payload.encode()) for row in rows])


async def main(database: str, kafka: str, arm: str, stuck: str = "") -> None:
    outbox = (Stuck if stuck else PostgresOutbox)(database)
    pace = Pace(PaceSettings(), system_rng())
    Relay(outbox, Events(kafka, arm), pace, OutboxUse(), clock=SystemClock(), tell=lambda *_: None).start()
    await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
