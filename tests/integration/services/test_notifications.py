"""From an event in the topic to what a customer reads, on real Postgres and with each broker of this machine."""

import asyncio
import uuid
from typing import Any

import pytest

from resilience import LinkSettings, link_settings
from services.common.kafka_producer import Record
from tests.integration.services.brokers import Broker
from tests.integration.services.notifying import COUNT, PATIENT, Eventually, Open, counts, event, record
from tests.integration.services.serving import Serve

pytestmark = pytest.mark.integration

# Their keys are by chance: one of four partitions is left out once in 2,500 times.
ON_EACH_PARTITION = 32


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

    async def told(customer: str) -> int:
        # Both arms write into the one database of this test.
        return int((await once.rows(f"{COUNT} WHERE customer = '{customer}'"))[0]["n"])

    async def hears_all() -> bool:
        """Whether the naive one has found the ends of its partitions, from which it begins, as the library does."""
        customer = uuid.uuid4().hex
        await naive.publish(*[record(event(customer)) for _ in range(ON_EACH_PARTITION)])
        await asyncio.sleep(0.5)
        return await told(customer) == ON_EACH_PARTITION

    await eventually(hears_all)
    again, last = event(), event("last")
    for service in (once, naive):
        await service.publish(*[record(again)] * 3)
        await service.publish(record(last))

    async def all_told() -> bool:
        return (await told("ann"), await told("last")) == (1 + 3, 2)

    await eventually(all_told)
    assert await once.metric("consumer_repeated_total") == 2


async def test_one_bad_message_ends_the_naive_consumer_and_the_process_says_so(
    notifications: Open, broker: Broker, eventually: Eventually
) -> None:
    service = await notifications(broker, profile="naive")

    async def ended() -> bool:
        # As the library does unasked, it begins at the topic's end, wherever that is once it looks for it.
        await service.publish(Record(b"k", b"no json"))
        return not await service.ready()

    await eventually(ended)
    assert "the consumer has ended" in service.log.getvalue()
    assert await service.metric("consumer_joined") == 0


async def test_what_is_no_broker_keeps_it_from_being_ready_and_not_from_living(
    notifications: Open, tansu_broker: Broker, serve: Serve, servers: Any
) -> None:
    """The port of Valkey, which answers something else than Kafka."""
    service = await notifications(tansu_broker, kafka_url=f"kafka://127.0.0.1:{servers.valkey}", waits=False)
    assert await service.listed("ann") == []
    assert not await service.ready()


def test_the_limits_of_the_link_are_those_of_the_profile() -> None:
    assert link_settings("naive", "notifications_to_kafka") == LinkSettings()
    assert PATIENT.command_timeout_s is not None
