"""From an event in the topic to what a customer reads, on real Postgres and with each broker of this machine."""

import asyncio
import dataclasses
import io
import json
import os
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import aiohttp
import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from resilience import LinkSettings, link_settings
from services.common.events import OrderConfirmed, dead_letters_topic, dump, orders_topic
from services.common.kafka import make_consumer, start_within, stop_within
from services.common.kafka_producer import Producer, Record
from services.common.kit import make_kit
from services.notifications.app import create_app
from services.notifications.settings import NotificationsSettings
from services.notifications.upstreams import NotificationsUpstreams
from tests.integration.services.brokers import Broker
from tests.integration.services.conftest import Serve, Wire

pytestmark = pytest.mark.integration

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
        connection = await asyncpg.connect(self.database)
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    async def listed(self, customer: str, **params: Any) -> list[dict[str, Any]]:
        async with self.http.get(f"{self.url}/customers/{customer}/notifications", params=params) as answer:
            assert answer.status == 200, await answer.text()
            found: list[dict[str, Any]] = (await answer.json())["notifications"]
            return found

    async def metric(self, name: str) -> float:
        async with self.http.get(f"{self.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name}{{"))

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
            faults: bool = False,
            waits: bool = True,
        ) -> Service:
            arm = arm or f"arm-{uuid.uuid4().hex[:8]}"
            kit = make_kit("notifications", arm, profile=profile, stream=(log := io.StringIO()))
            settings = NotificationsSettings(
                arm, profile, kafka_url or broker.url, database_url or database, faults=faults
            )
            url = await serve(create_app(NotificationsUpstreams(settings, kit), kit, faults=faults))
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


async def test_what_was_ordered_is_told_once_to_its_customer(
    notifications: Open, broker: Broker, eventually: Eventually
) -> None:
    service = await notifications(broker)
    anns, bobs = [event("ann") for _ in range(3)], [event("bob")]
    await service.publish(*(record(one) for one in (*anns, *bobs)))
    await eventually(counts(service, 4))

    listed = await service.listed("ann")
    assert {one["event_id"] for one in listed} == {str(one.event_id) for one in anns}
    assert listed[0]["text"] == "Your order of 2 sku-0001 is confirmed: 20.00."
    assert [one["id"] for one in listed] == sorted(one["id"] for one in listed)
    assert await service.listed("ann", after=listed[0]["id"], limit=1) == [listed[1]]
    assert len(await service.listed("bob")) == 1
    assert await service.listed("nobody") == []


async def test_an_event_that_comes_again_is_told_once_and_by_the_naive_arm_each_time(
    notifications: Open, broker: Broker, eventually: Eventually
) -> None:
    once, naive = await notifications(broker), await notifications(broker, profile="naive", arm="naive-twice")
    again, last = event(), event("last")
    for service in (once, naive):
        await service.publish(*[record(again)] * 3)
        await service.publish(record(last))

    async def told() -> bool:
        return bool(await once.listed("last")) and len(await once.rows(f"{COUNT} WHERE customer = 'last'")) > 0

    await eventually(told)
    # Both arms write into the one database of this test: 1 of the careful, 3 of the naive.
    await eventually(counts(once, 1 + 3 + 2))
    assert await once.metric("consumer_repeated_total") == 2


BAD = [
    (b"no json", "not JSON"),
    (b"[]", "not a JSON object"),
    (b'{"type": "order.confirmed", "version": 2}', "version"),
    (b"x" * 65_537, "more than 65536"),
    (dump(event()).replace("sku-0001", "\\u0000").encode(), "sku"),
]


async def test_what_nobody_can_read_is_set_aside_with_the_reason(
    notifications: Open, broker: Broker, eventually: Eventually
) -> None:
    service = await notifications(broker)
    good = event()
    await service.publish(*(Record(b"k", value) for value, _ in BAD))
    await service.publish(record(good))
    await eventually(counts(service, 1))
    letters = await dead_letters(broker, service.arm, len(BAD))

    assert {letter.value for letter in letters} == {value for value, _ in BAD}
    for letter in letters:
        reason = dict(letter.headers)["reason"].decode()
        assert next(part for value, part in BAD if value == letter.value) in reason
        assert dict(letter.headers)["topic"] == orders_topic(service.arm).encode()
    assert await service.metric("consumer_dead_lettered_total") == len(BAD)


async def test_what_is_too_large_for_the_dead_letters_holds_nothing_up(
    notifications: Open, broker: Broker, eventually: Eventually
) -> None:
    """A broker takes 1 MB, our own producer far less: the letter keeps the beginning, and says how much there was."""
    service = await notifications(broker)
    stranger = AIOKafkaProducer(bootstrap_servers=f"127.0.0.1:{broker.port}", max_request_size=2**20)
    await stranger.start()
    try:
        await stranger.send_and_wait(orders_topic(service.arm), b"x" * 900_000, b"k" * 50_000, partition=0)
        await stranger.send_and_wait(orders_topic(service.arm), dump(event()).encode(), partition=0)
    finally:
        await stop_within(stranger, within_s=1)
    await eventually(counts(service, 1))
    (letter,) = await dead_letters(broker, service.arm, 1)
    headers = dict(letter.headers)
    assert headers["value_bytes"] == b"900000"
    assert headers["key_bytes"] == b"50000"
    assert b"more than 65536" in headers["reason"]
    assert set(letter.value) == {ord("x")}


async def test_one_bad_message_ends_the_naive_consumer_and_the_process_says_so(
    notifications: Open, broker: Broker, eventually: Eventually
) -> None:
    service = await notifications(broker, profile="naive")
    await service.publish(Record(b"k", b"no json"))

    async def ended() -> bool:
        return not await service.ready()

    await eventually(ended)
    assert "the consumer has ended" in service.log.getvalue()
    assert await service.metric("consumer_joined") == 0


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
        upstreams = NotificationsUpstreams(
            NotificationsSettings(arm, "protected", broker.url, database, faults=False), kit
        )
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


@asynccontextmanager
async def reading(service: Service, after: int | None = None) -> AsyncIterator[Callable[[int], Awaitable[list[Any]]]]:
    """Open the stream; yields a function that reads so many events of it."""
    params = {} if after is None else {"after": str(after)}
    async with service.http.get(f"{service.url}/stream", params=params) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"

        async def read(number: int) -> list[Any]:
            found: list[Any] = []
            async with asyncio.timeout(20):
                while len(found) < number:
                    line = await answer.content.readline()
                    assert line, "the stream has ended"
                    if line.startswith(b"data: {"):
                        found.append(json.loads(line[6:]))
            return found

        yield read


def ids(found: Sequence[dict[str, Any]]) -> list[int]:
    return [one["id"] for one in found]


async def test_a_stream_begins_where_it_is_asked_to_and_goes_on(
    notifications: Open, tansu_broker: Broker, eventually: Eventually
) -> None:
    service = await notifications(tansu_broker)
    await service.publish(*(record(event()) for _ in range(1_200)))
    await eventually(counts(service, 1_200))
    first = (await service.listed("ann", limit=1))[0]["id"]
    async with reading(service, after=first - 1) as all_of_it, reading(service) as from_now_on:
        missed = await all_of_it(1_200)
        await service.publish(record(event("bob")))
        (live,) = await from_now_on(1)
        missed += await all_of_it(1)
        assert await service.metric("streams_open") == 2

    assert len(set(ids(missed))) == 1_201
    assert ids(missed) == sorted(ids(missed))
    assert missed[-1] == live
    assert live["customer"] == "bob"

    async def closed() -> bool:
        return await service.metric("streams_open") == 0

    await eventually(closed)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/stream?after=x", 422), ("/stream?after=-1", 422), ("/customers/A%20B/notifications", 422),
        ("/customers/ann/notifications?limit=201", 422),
        ("/customers/ann/notifications?after=9999999999999999999999", 422),
    ],
)  # fmt: skip
async def test_bad_questions_are_refused(notifications: Open, tansu_broker: Broker, path: str, status: int) -> None:
    service = await notifications(tansu_broker)
    async with service.http.get(f"{service.url}{path}") as answer:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"


async def test_what_is_no_broker_keeps_it_from_being_ready_and_not_from_living(
    notifications: Open, tansu_broker: Broker, serve: Serve, servers: Any
) -> None:
    """The port of Valkey, which answers something else than Kafka."""
    service = await notifications(tansu_broker, kafka_url=f"kafka://127.0.0.1:{servers.valkey}", waits=False)
    assert await service.listed("ann") == []
    assert not await service.ready()


async def test_a_loop_that_is_held_past_the_session_repeats_nothing(
    notifications: Open, tansu_broker: Broker, eventually: Eventually
) -> None:
    service = await notifications(tansu_broker, faults=True)
    await service.publish(*(record(event()) for _ in range(50)))
    body = {"type": "block_loop", "block_ms": 300, "ttl_s": 1}
    async with service.http.put(f"{service.url}/faults", json=body) as answer:
        assert (await answer.json())["fault"] == {"type": "block_loop"}
    await eventually(counts(service, 50))
    async with service.http.delete(f"{service.url}/faults") as answer:
        assert await answer.json() == {"fault": None, "blocks": 1}


def test_the_limits_of_the_link_are_those_of_the_profile() -> None:
    assert link_settings("naive", "notifications_to_kafka") == LinkSettings()
    assert PATIENT.command_timeout_s is not None
