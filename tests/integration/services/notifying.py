"""A running notifications with a producer into its topic, and what its tests look at."""

import asyncio
import dataclasses
import io
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import asyncpg
import pytest

from resilience import link_settings
from services.common.events import OrderConfirmed, dead_letters_topic, dump, orders_topic
from services.common.kafka import make_consumer, start_within, stop_within
from services.common.kafka_producer import Producer, Record
from services.common.kit import make_kit
from services.notifications.app import create_app
from services.notifications.settings import NotificationsSettings
from services.notifications.upstreams import NotificationsUpstreams
from tests.integration.services.brokers import Broker
from tests.integration.services.databases import rows
from tests.integration.services.serving import Serve

Eventually = Callable[..., Awaitable[None]]
PATIENT = link_settings("protected", "notifications_to_kafka")
COUNT = "SELECT count(*) AS n FROM notifications.notifications"


def event(customer: str = "ann", **changes: Any) -> OrderConfirmed:
    usual = OrderConfirmed(uuid.uuid4(), uuid.uuid4(), customer, "sku-0001", 2, 2000, datetime.now(UTC))
    return dataclasses.replace(usual, **changes)


def record(one: OrderConfirmed) -> Record:
    return Record(str(one.order_id).encode(), dump(one).encode())


@dataclass
class Service:
    """A running notifications, and a producer into its topic."""

    url: str
    arm: str
    database: str
    producer: Producer
    http: aiohttp.ClientSession
    log: io.StringIO

    async def publish(self, *records: Record) -> None:
        await self.producer.publish(orders_topic(self.arm), records)

    async def count(self) -> int:
        return int((await self.rows(COUNT))[0]["n"])

    async def rows(self, statement: str) -> list[asyncpg.Record]:
        return await rows(self.database, statement)

    async def listed(self, customer: str, **params: Any) -> list[dict[str, Any]]:
        async with self.http.get(f"{self.url}/customers/{customer}/notifications", params=params) as answer:
            assert answer.status == 200, await answer.text()
            found: list[dict[str, Any]] = (await answer.json())["notifications"]
            return found

    async def metric(self, name: str) -> float:
        async with self.http.get(f"{self.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        found = [float(line.split()[-1]) for line in lines if line.startswith(f"{name}{{")]
        assert found, name
        return sum(found)

    async def ready(self) -> bool:
        async with self.http.get(f"{self.url}/readyz") as answer:
            return answer.status == 200


Open = Callable[..., Awaitable[Service]]


@pytest.fixture
async def notifications(database: str, serve: Serve, eventually: Eventually) -> AsyncIterator[Open]:
    """Return a function that starts the service on a database of the test's own, each arm with topics of its own."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())

        async def start(
            broker: Broker,
            *,
            profile: str = "protected",
            arm: str | None = None,
            kafka_url: str | None = None,
            database_url: str | None = None,
            waits: bool = True,
        ) -> Service:
            arm = arm or f"arm-{uuid.uuid4().hex[:8]}"
            kit = make_kit("notifications", arm, profile=profile, stream=(log := io.StringIO()))
            settings = NotificationsSettings(arm, profile, kafka_url or broker.url, database_url or database)
            url = await serve(create_app(NotificationsUpstreams(settings, kit), kit))
            producer = Producer(broker.url, PATIENT, topics={orders_topic(arm): 4}, careful=True, tell=lambda *_: None)
            stack.push_async_callback(producer.close, within_s=0.5)
            service = Service(url, arm, database, producer, http, log)
            if waits:
                await eventually(service.ready)
            return service

        yield start


def counts(service: Service, number: int) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return await service.count() == number

    return ask


async def dead_letters(broker: Broker, arm: str, number: int) -> list[Any]:
    consumer = make_consumer(broker.url, PATIENT, dead_letters_topic(arm), auto_offset_reset="earliest")
    await start_within(consumer, PATIENT)
    try:
        found: list[Any] = []
        async with asyncio.timeout(20):
            while len(found) < number:
                found += [one for part in (await consumer.getmany(timeout_ms=200)).values() for one in part]
        return found
    finally:
        await stop_within(consumer, within_s=1)
