"""What customers hear through the gateway, from a real notifications behind it, over ways that break."""

import asyncio
import io
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
import pytest

from services.common.kit import make_kit
from services.gateway import streams as gateway_streams
from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings
from services.gateway.upstreams import GatewayUpstreams
from services.notifications.app import create_app as notifications_app
from services.notifications.settings import NotificationsSettings
from services.notifications.upstreams import NotificationsUpstreams
from tests.integration.services.brokers import Broker
from tests.integration.services.notifying import event
from tests.integration.services.serving import NOBODY_THERE, Serve
from tests.integration.services.wires import Wire

pytestmark = pytest.mark.integration

Eventually = Callable[..., Awaitable[None]]


@dataclass
class Shop:
    """A gateway, a way to the notifications behind it, and what those write and hear."""

    gateway: str
    way: Wire
    upstreams: NotificationsUpstreams
    http: aiohttp.ClientSession

    async def tell(self, *customers: str) -> list[int]:
        """Write a notification for each, as the consumer does, and return their ids."""
        found = []
        for customer in customers:
            told = await self.upstreams.book.tell_once([event(customer)])
            self.upstreams._spread(told)
            found += [one.id for one in told]
        return found

    async def metric(self, name: str, **labels: str) -> float:
        async with self.http.get(f"{self.gateway}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return next(
            float(line.split()[-1]) for line in lines if line.startswith(name) and all(one in line for one in wanted)
        )


@pytest.fixture
async def shop(
    database: str, serve: Serve, tansu_broker: Broker, wire: Callable[[int], Awaitable[Wire]]
) -> AsyncIterator[Shop]:
    arm = f"arm-{uuid.uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        kit = make_kit("notifications", arm, profile="protected", stream=io.StringIO())
        settings = NotificationsSettings(arm, "protected", tansu_broker.url, database)
        upstreams = NotificationsUpstreams(settings, kit)
        behind = await serve(notifications_app(upstreams, kit))
        way = await wire(int(behind.rpartition(":")[2]))
        at_gateway = GatewaySettings(
            arm, "protected", NOBODY_THERE, NOBODY_THERE, f"http://127.0.0.1:{way.port}", NOBODY_THERE
        )
        kit = make_kit("gateway", arm, profile="protected", stream=io.StringIO())
        gateway = await serve(create_app(GatewayUpstreams(at_gateway, kit), kit))
        yield Shop(gateway, way, upstreams, http)


class Listener:
    """A customer who listens, by server-sent events or over a WebSocket."""

    def __init__(self, shop: Shop, kind: str, customer: str, after: int | None) -> None:
        self._shop, self._kind, self._customer, self._after = shop, kind, customer, after
        self._stack = AsyncExitStack()
        self._answer: Any = None

    async def __aenter__(self) -> Self:
        url = f"{self._shop.gateway}/customers/{self._customer}/notifications"
        after = None if self._after is None else str(self._after)
        if self._kind == "sse":
            headers = {} if after is None else {"Last-Event-ID": after}
            self._answer = await self._stack.enter_async_context(self._shop.http.get(f"{url}/stream", headers=headers))
            assert self._answer.status == 200, await self._answer.text()
        else:
            query = "" if after is None else f"?last_event_id={after}"
            self._answer = await self._stack.enter_async_context(self._shop.http.ws_connect(f"{url}/ws{query}"))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    async def hear(self, number: int) -> list[int]:
        """Return the ids of the next so many notifications."""
        found: list[int] = []
        async with asyncio.timeout(20):
            while len(found) < number:
                found.append(json.loads(await self._next())["id"])
        return found

    async def _next(self) -> str:
        if self._kind == "websocket":
            return str((await self._answer.receive()).data)
        while True:
            line = await self._answer.content.readline()
            assert line, "the stream has ended"
            if line.startswith(b"data: "):
                return str(line[6:].decode())


@pytest.mark.parametrize("kind", ["sse", "websocket"])
async def test_a_customer_hears_what_is_theirs_and_as_it_happens(shop: Shop, kind: str, eventually: Eventually) -> None:
    await shop.tell("ann")
    async with Listener(shop, kind, "ann", None) as ann, Listener(shop, kind, "bob", None) as bob:
        await eventually(lambda: _opened(shop, kind, 2))
        told = await shop.tell("ann", "bob", "ann")
        assert await ann.hear(2) == [told[0], told[2]]
        assert await bob.hear(1) == [told[1]]
    await eventually(lambda: _opened(shop, kind, 0))


async def _opened(shop: Shop, kind: str, number: int) -> bool:
    return await shop.metric("streams_open", kind=kind) == number


@pytest.mark.parametrize("kind", ["sse", "websocket"])
async def test_who_comes_back_with_the_last_id_misses_nothing_and_hears_nothing_twice(shop: Shop, kind: str) -> None:
    """More than a page was missed, and more comes while the customer is still catching up."""
    told = await shop.tell("ann", *["ann"] * 450)

    async def go_on() -> list[int]:
        found = []
        for _ in range(30):
            found += await shop.tell("ann", "bob")
            await asyncio.sleep(0.002)
        return found[::2]

    going_on = asyncio.create_task(go_on())
    async with Listener(shop, kind, "ann", told[0]) as ann:
        heard = await ann.hear(450 + 30)
    assert heard == told[1:] + await going_on


async def test_a_stream_behind_that_breaks_is_taken_up_where_it_broke(shop: Shop, eventually: Eventually) -> None:
    async with Listener(shop, "sse", "ann", None) as sse, Listener(shop, "websocket", "ann", None) as socket:
        told = await shop.tell("ann", "ann")
        heard = [await sse.hear(2), await socket.hear(2)]
        for _ in range(3):
            await shop.way.down()
            told += (await shop.tell("ann", "bob", "ann"))[::2]
            await shop.way.up()
            told += await shop.tell("ann")
            heard[0] += await sse.hear(3)
            heard[1] += await socket.hear(3)
    assert heard == [told, told]


async def test_a_customer_who_does_not_read_is_dropped_and_nobody_else_notices(
    shop: Shop, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their queue is bounded: they lose the stream, not the gateway its memory."""
    monkeypatch.setattr("services.gateway.stream_routes.SEND_S", 0.5)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(shop.gateway.rpartition(":")[2]))
    writer.write(b"GET /customers/slow/notifications/stream HTTP/1.1\r\nHost: x\r\n\r\n")
    await eventually(lambda: _opened(shop, "sse", 1))
    async with Listener(shop, "sse", "ann", None) as ann:
        # Far more than the buffers of both sockets hold.
        long = [event("slow", sku="x" * 60) for _ in range(40_000)]
        for at in range(0, len(long), 250):
            shop.upstreams._spread(await shop.upstreams.book.tell_once(long[at : at + 250]))
            told = await shop.tell("ann")
            assert await ann.hear(1) == told
        await eventually(lambda: _opened(shop, "sse", 1), within_s=30)
    writer.close()
    del reader


@pytest.mark.parametrize("nonsense", ["abc", "-1", "1e3", "9" * 40, "\uff11"])
async def test_an_id_of_nonsense_is_refused_by_name(shop: Shop, nonsense: str) -> None:
    url = f"{shop.gateway}/customers/ann/notifications"
    if nonsense.isascii():
        async with shop.http.get(f"{url}/stream", headers={"Last-Event-ID": nonsense}) as answer:
            assert answer.status == 400
            assert "Last-Event-ID" in (await answer.json())["detail"]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await shop.http.ws_connect(f"{url}/ws", params={"last_event_id": nonsense})
    assert refused.value.status == 400


async def test_an_id_that_was_never_given_is_refused_and_one_of_ones_own_is_not(shop: Shop) -> None:
    """Ahead of everything, it would let its customer listen for ever and hear nothing."""
    async with Listener(shop, "sse", "ann", None) as ann:
        (told,) = await shop.tell("ann")
        assert await ann.hear(1) == [told]
        url = f"{shop.gateway}/customers/ann/notifications"
        for ahead in (told + 1, 2**63 - 1):
            async with shop.http.get(f"{url}/stream", headers={"Last-Event-ID": str(ahead)}) as answer:
                assert answer.status == 400
                assert "Last-Event-ID" in (await answer.json())["detail"]
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await shop.http.ws_connect(f"{url}/ws", params={"last_event_id": str(ahead)})
            assert refused.value.status == 400
    # Written, and not yet put into the stream from which the gateway knows what there is.
    (written,) = await shop.upstreams.book.tell_once([event("ann")])
    async with Listener(shop, "sse", "ann", written.id) as ann:
        shop.upstreams._spread([written])
        later = await shop.tell("ann")
        assert await ann.hear(1) == later


async def test_without_notifications_behind_it_says_come_back(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_streams, "STANDS_WITHIN_S", 0.3)
    await shop.way.down()
    url = f"{shop.gateway}/customers/ann/notifications"
    for path in ("", "/stream"):
        async with shop.http.get(f"{url}{path}") as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "1"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await shop.http.ws_connect(f"{url}/ws")
    assert refused.value.status == 503
    async with shop.http.get(f"{shop.gateway}/healthz") as answer:
        assert answer.status == 200
    await shop.way.up()
    async with shop.http.get(url) as answer:
        assert answer.status == 200
