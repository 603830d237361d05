"""What notifications speaks to: its tables in Postgres, and Kafka."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from resilience import PROFILES, Pipeline, link_settings
from services.common.event_metrics import make_consumer_use
from services.common.events import OrderConfirmed, dead_letters_topic
from services.common.kafka_producer import Producer, Record
from services.common.kit import Kit
from services.common.migrations import MIGRATE_WITHIN_S, migrate, read_migrations
from services.common.postgres import Database
from services.common.readiness import BOUND_S, Check
from services.notifications.consumer import Consumer
from services.notifications.core import Book, EventRefusedError, Notification, text_of
from services.notifications.inbox import LEAVE_S, KafkaInbox, topics_of
from services.notifications.settings import NotificationsSettings
from services.notifications.stream import ALL, Streams

_COLUMNS = "id, event_id, order_id, customer, text, created_at"
# The lock makes ids visible in their order: who reads "after 7" must not miss a 6 that is committed later. It is taken
# before the first id is, for the rows are made from it; and it ends with the statement, which is a transaction.
_LOCKED = "locked AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtext('notifications.notifications')))"
_GIVEN = "unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS given (event_id, order_id, customer, text)"
_TELL_ONCE = f"""
WITH {_LOCKED}, fresh AS (
    INSERT INTO notifications.consumed_events (event_id)
    SELECT given.event_id FROM locked, {_GIVEN} ON CONFLICT DO NOTHING RETURNING event_id
)
INSERT INTO notifications.notifications (event_id, order_id, customer, text)
SELECT event_id, order_id, customer, text FROM locked, {_GIVEN} JOIN fresh USING (event_id)
RETURNING {_COLUMNS}
"""  # noqa: S608 - constants of this module
_TELL = f"""
WITH {_LOCKED}
INSERT INTO notifications.notifications (event_id, order_id, customer, text)
SELECT event_id, order_id, customer, text FROM locked, {_GIVEN}
RETURNING {_COLUMNS}
"""  # noqa: S608 - constants of this module
_OF_CUSTOMER = f"""
SELECT {_COLUMNS} FROM notifications.notifications WHERE customer = $1 AND id > $2 ORDER BY id LIMIT $3
"""  # noqa: S608 - constants of this module
_SINCE = f"SELECT {_COLUMNS} FROM notifications.notifications WHERE id > $1 ORDER BY id LIMIT $2"  # noqa: S608
_NEWEST = "SELECT coalesce(max(id), 0) AS id FROM notifications.notifications"


class PostgresBook:
    """The tables of what was told. One statement an operation."""

    def __init__(self, database: Database, pipeline: Pipeline) -> None:
        self._database = database
        self._pipeline = pipeline

    async def tell_once(self, events: Sequence[OrderConfirmed]) -> Sequence[Notification]:
        """Write for each event that was not consumed before, and note that it is, in one transaction."""
        once = {event.event_id: event for event in events}
        return await self._write(_TELL_ONCE, list(once.values()))

    async def tell(self, event: OrderConfirmed) -> Notification:
        """Write, whatever was consumed before."""
        [told] = await self._write(_TELL, [event])
        return told

    async def of_customer(self, customer: str, *, after: int, most: int) -> Sequence[Notification]:
        """Return a customer's, by id."""
        return await self._rows(_OF_CUSTOMER, customer, after, most)

    async def since(self, after: int, *, most: int) -> Sequence[Notification]:
        """Return everybody's, by id."""
        return await self._rows(_SINCE, after, most)

    async def newest(self) -> int:
        """Return the largest id."""
        row = await self._pipeline.call(lambda: self._database.one(_NEWEST), idempotent=True)
        return int(row["id"])

    async def _write(self, statement: str, events: Sequence[OrderConfirmed]) -> list[Notification]:
        given = (
            [event.event_id for event in events],
            [event.order_id for event in events],
            [event.customer for event in events],
            [text_of(event) for event in events],
        )
        try:
            return await self._rows(statement, *given)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise EventRefusedError(str(error)) from error

    async def _rows(self, statement: str, *arguments: Any) -> list[Notification]:
        rows = await self._pipeline.call(lambda: self._database.rows(statement, *arguments), idempotent=True)
        return sorted((Notification(*row) for row in rows), key=lambda one: one.id)


class NotificationsUpstreams:
    """Owns the pool, the consumer, which feeds the streams, and the producer of dead letters."""

    def __init__(self, settings: NotificationsSettings, kit: Kit) -> None:
        to_kafka = link_settings(settings.profile, "notifications_to_kafka")
        to_postgres = link_settings(settings.profile, "notifications_to_postgres")
        consuming = PROFILES[settings.profile].consuming
        self._kit, self._url = kit, settings.database_url
        self._database = Database(settings.database_url, to_postgres)
        kit.metrics.watch_pool(self._database.use)
        self.book: Book = PostgresBook(self._database, kit.pipeline("notifications_to_postgres", to_postgres))
        self.streams = Streams(self.book)
        use = make_consumer_use(kit)
        topics = topics_of(settings.arm)
        self._letters = Producer(settings.kafka_url, to_kafka, topics=topics, careful=True, tell=kit.tell)
        pipeline, dead = kit.pipeline("notifications_to_kafka", to_kafka), dead_letters_topic(settings.arm)

        async def set_aside(records: Sequence[Record]) -> None:
            await pipeline.call(lambda: self._letters.publish(dead, records), idempotent=True)

        inbox = KafkaInbox(
            settings.kafka_url, to_kafka, set_aside, consuming, use, arm=settings.arm, clock=kit.clock, tell=kit.tell
        )
        self._consumer = Consumer(inbox, self.book, consuming, self._spread, use, clock=kit.clock, tell=kit.tell)

    async def open(self) -> None:
        """Migrate, connect, and begin to consume; the broker may come later."""
        migrations = read_migrations(Path(__file__).parent / "migrations")
        await migrate(self._url, "notifications", migrations, clock=self._kit.clock, within_s=MIGRATE_WITHIN_S)
        await self._database.open()
        self._consumer.start()

    async def close(self) -> None:
        """Stop consuming, then disconnect."""
        await self._consumer.close()
        await self._letters.close(within_s=LEAVE_S)
        await self._database.close()

    def checks(self) -> Mapping[str, Check]:
        """Return what must answer: the database, and the consumer being in its group."""
        return {"postgres": lambda: self._database.ping(bound_s=BOUND_S), "consumer": self._in_group}

    async def _in_group(self) -> None:
        if not self._consumer.use.joined:
            raise ConnectionError("the consumer is not in its group")

    def _spread(self, told: Sequence[Notification]) -> None:
        self.streams.hub.put(ALL, told)
