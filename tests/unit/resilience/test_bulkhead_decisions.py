"""What the other tests of the bulkhead leave open, one mutant of it each."""

import asyncio
from typing import Any

import pytest

from resilience.bulkhead import Bulkhead, BulkheadSettings
from resilience.errors import BulkheadFull
from resilience.events import BulkheadChanged, Event, Refused

LINK = "orders_to_postgres"


@pytest.fixture
def bulkhead(events: list[Event], clock: Any) -> Bulkhead:
    return Bulkhead(LINK, BulkheadSettings(1, 1, 0.1), clock=clock, listener=events.append)


async def test_it_tells_that_a_cancelled_waiter_has_left_the_queue(
    bulkhead: Bulkhead, dependency: Any, events: list[Event]
) -> None:
    holder = asyncio.create_task(bulkhead.call(dependency(seconds=0.05)))
    waiter = asyncio.create_task(bulkhead.call(dependency()))
    await asyncio.sleep(0.01)
    waiter.cancel()
    await asyncio.sleep(0.01)

    assert events == [BulkheadChanged(LINK, 1, 0), BulkheadChanged(LINK, 1, 1), BulkheadChanged(LINK, 1, 0)]
    await holder


async def test_it_tells_that_a_wait_is_over_and_who_refused(
    bulkhead: Bulkhead, dependency: Any, events: list[Event]
) -> None:
    holder = asyncio.create_task(bulkhead.call(dependency(seconds=1)))
    await asyncio.sleep(0)

    with pytest.raises(BulkheadFull) as caught:
        await bulkhead.call(dependency())

    assert caught.value.link == LINK
    assert str(caught.value) == "orders_to_postgres: no slot became free within 0.1 s"
    assert events == [
        BulkheadChanged(LINK, 1, 0),
        BulkheadChanged(LINK, 1, 1),
        BulkheadChanged(LINK, 1, 0),
        Refused(LINK, "bulkhead", None),
    ]
    await holder
