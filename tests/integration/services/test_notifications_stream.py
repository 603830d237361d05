"""The stream of notifications, and the questions that it refuses."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.integration.services.brokers import Broker
from tests.integration.services.notifying import Eventually, Open, Service, counts, event, record

pytestmark = pytest.mark.integration


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


async def test_bad_questions_are_refused(notifications: Open, tansu_broker: Broker) -> None:
    service = await notifications(tansu_broker, waits=False)
    for path in (
        "/stream?after=x",
        "/stream?after=-1",
        "/customers/A%20B/notifications",
        "/customers/ann/notifications?limit=201",
        "/customers/ann/notifications?after=9999999999999999999999",
    ):
        async with service.http.get(f"{service.url}{path}") as answer:
            assert answer.status == 422, path
            assert answer.content_type == "application/problem+json", path
