"""Whatever goes away meanwhile - the database, the broker, notifications itself - each event is told once."""

import asyncio
import io
import os
import sys
import uuid
from collections.abc import Awaitable, Callable
from functools import partial

import aiohttp
import asyncpg
import pytest

from services.common.events import orders_topic
from services.common.kafka_producer import Producer
from services.common.kit import make_kit
from services.notifications.settings import NotificationsSettings
from services.notifications.upstreams import NotificationsUpstreams
from tests.integration.services.brokers import Broker
from tests.integration.services.notifying import PATIENT, Eventually, Open, Service, counts, event, record
from tests.integration.services.wires import Wire

pytestmark = pytest.mark.integration


async def test_a_database_that_is_away_is_waited_out(
    notifications: Open,
    broker: Broker,
    database: str,
    wire: Callable[[int], Awaitable[Wire]],
    eventually: Eventually,
) -> None:
    port = int(database.partition("127.0.0.1:")[2].partition("/")[0])
    way = await wire(port)
    service = await notifications(broker, database_url=database.replace(str(port), str(way.port)))
    await way.down()
    events = [event() for _ in range(20)]
    await service.publish(*(record(one) for one in events))

    async def waits() -> bool:
        return "the consumer waits for the database" in service.log.getvalue()

    await eventually(waits)
    assert await service.count() == 0
    await way.up()
    await eventually(counts(service, 20))
    assert await service.metric("consumer_dead_lettered_total") == 0


async def test_a_broker_that_is_away_is_waited_out(
    notifications: Open, broker: Broker, wire: Callable[[int], Awaitable[Wire]], eventually: Eventually
) -> None:
    way = await wire(broker.port)
    service = await notifications(broker, kafka_url=f"kafka://127.0.0.1:{way.port}")
    await way.down()
    events = [event() for _ in range(20)]
    await service.publish(*(record(one) for one in events))
    await asyncio.sleep(1)
    assert await service.count() == 0
    await way.up()
    await eventually(counts(service, 20), within_s=40)


async def test_a_consumer_that_is_stopped_anywhere_loses_and_repeats_nothing(
    notifications: Open, broker: Broker, database: str, eventually: Eventually
) -> None:
    """Each life is ended wherever it is, without a word: its task is cancelled between any two steps."""
    arm = f"arm-{uuid.uuid4().hex[:8]}"
    service = await notifications(broker, arm=arm, waits=False)
    events = [event() for _ in range(300)]

    async def feed() -> None:
        for at in range(0, 300, 10):
            await service.publish(*(record(one) for one in events[at : at + 10]))
            await asyncio.sleep(0.05)

    feeding = asyncio.create_task(feed())
    for life_s in (1.0, 1.7, 0.6):
        kit = make_kit("notifications", arm, profile="protected", stream=io.StringIO())
        upstreams = NotificationsUpstreams(NotificationsSettings(arm, "protected", broker.url, database), kit)
        await upstreams.open()
        await asyncio.sleep(life_s)
        await upstreams.close()
    await feeding
    await eventually(counts(service, 300), within_s=60)

    told = await service.rows("SELECT event_id, count(*) AS n FROM notifications.notifications GROUP BY 1")
    assert {row["event_id"] for row in told} == {one.event_id for one in events}
    assert {row["n"] for row in told} == {1}


async def test_a_consumer_that_is_killed_goes_on_from_what_it_had_let_go_of(
    broker: Broker, database: str, eventually: Eventually
) -> None:
    """SIGKILL of the whole process in the middle of the work: the next one waits for the dead one's session."""
    arm = f"arm-{uuid.uuid4().hex[:8]}"
    producer = Producer(broker.url, PATIENT, topics={orders_topic(arm): 4}, careful=True, tell=lambda *_: None)
    service = Service("", arm, database, producer, aiohttp.ClientSession(), io.StringIO())
    events = [event() for _ in range(200)]
    command = [sys.executable, "-m", "uvicorn", "--factory", "services.notifications.app:main", "--port", "0"]
    environment = os.environ | {
        "LAB_ARM": arm, "LAB_PROFILE": "protected", "KAFKA_URL": broker.url, "DATABASE_URL": database,
    }  # fmt: skip

    async def at_least(number: int) -> bool:
        try:
            return await service.count() >= number
        except asyncpg.UndefinedTableError:
            return False

    try:
        for at, number in enumerate((20, 200)):
            process = await asyncio.create_subprocess_exec(
                *command, env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
            )
            try:
                for one in range(100 * at, 100 * at + 100, 20):
                    await service.publish(*(record(each) for each in events[one : one + 20]))
                await eventually(partial(at_least, number), within_s=60)
            finally:
                process.kill()
                await process.wait()
    finally:
        await service.http.close()
        await producer.close(within_s=0.5)
    told = await service.rows("SELECT event_id, count(*) AS n FROM notifications.notifications GROUP BY 1")
    assert {row["event_id"] for row in told} == {one.event_id for one in events}
    assert {row["n"] for row in told} == {1}
