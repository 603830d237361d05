"""The same handler three ways, on a real Postgres and a real Valkey: one answer, and three ways to wait for it."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import asyncpg
import pytest

from services.common.kit import make_kit
from services.common.metrics import DB_POOL_SIZE, THREAD_TOKENS_USED
from services.inventory.app import create_app
from services.inventory.settings import HANDLERS, Handler, InventorySettings
from services.inventory.upstreams import InventoryUpstreams

pytestmark = pytest.mark.integration

Open = Callable[..., Awaitable[str]]
SLOW = {"type": "slow_call", "call_ms": 400, "ttl_s": 30}


@pytest.fixture
def open_inventory(serve: Any, servers: Any, database: str) -> Open:
    """Return a function that serves an inventory of one kind and returns its URL."""

    async def start(handler: Handler, *, postgres: int | None = None, faults: bool = False) -> str:
        told = database.replace(f":{servers.postgres}/", f":{postgres or servers.postgres}/")
        settings = InventorySettings("test-arm", "naive", told, f"redis://127.0.0.1:{servers.valkey}/0", handler)
        kit = make_kit("inventory", "test-arm", profile="naive", stream=io.StringIO())
        url: str = await serve(create_app(InventoryUpstreams(settings, kit), kit, handler=handler, faults=faults))
        return url

    return start


@pytest.fixture
async def http() -> Any:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


async def told(http: Any, method: str, url: str, **body: Any) -> tuple[int, Any]:
    async with http.request(method, url, json=body or None) as answer:
        said = await answer.json(content_type=None)
        return answer.status, {name: value for name, value in said.items() if name != "instance"}


@pytest.mark.parametrize("handler", HANDLERS)
@pytest.mark.usefixtures("clean_cache")
async def test_every_kind_gives_the_same_answers(
    open_inventory: Open, http: Any, database: str, handler: Handler
) -> None:
    """Stock, a reservation, its repeat, too little of a product, an unknown one, a bad one: word for word."""
    url = await open_inventory(handler)
    order: dict[str, Any] = {"order_id": f"order-{handler}", "sku": "sku-0001", "quantity": 2}

    status, stock = await told(http, "GET", f"{url}/stock/sku-0001")
    assert (status, set(stock), stock["stale"]) == (200, {"sku", "available", "stale"}, False)
    assert await told(http, "POST", f"{url}/reservations", **order) == (201, {"status": "reserved"})
    assert await told(http, "POST", f"{url}/reservations", **order) == (201, {"status": "reserved"})
    short = {**order, "order_id": f"other-{handler}", "sku": "sku-0002", "quantity": 100}
    async with http.get(f"{url}/metrics") as answer:
        assert f'{DB_POOL_SIZE}{{arm="test-arm",service="inventory",store="postgres"}} 10.0' in await answer.text()

    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE inventory.stock SET available = 99 WHERE sku = 'sku-0002'")
    await connection.close()
    status, said = await told(http, "POST", f"{url}/reservations", **short)
    assert (status, said["detail"]) == (409, "there are not 100 of sku-0002")
    status, said = await told(http, "GET", f"{url}/stock/sku-9999")
    assert (status, said["detail"]) == (404, "there is no product sku-9999")
    assert (await told(http, "GET", f"{url}/stock/Not%20A%20Sku"))[0] == 422
    status, said = await told(http, "GET", f"{url}/skus")
    assert (status, len(said["skus"]), said["skus"][0]) == (200, 200, "sku-0001")


@pytest.mark.parametrize("handler", ["def", "blocking"])
async def test_without_its_database_a_reservation_fails_as_it_does_for_async(
    open_inventory: Open, http: Any, wire: Any, servers: Any, handler: Handler
) -> None:
    line = await wire(servers.postgres)
    url = await open_inventory(handler, postgres=line.port)
    await line.down()

    status, said = await told(http, "POST", f"{url}/reservations", order_id="order-x", sku="sku-0001", quantity=1)

    assert (status, said["status"]) == (503, 503)


@pytest.mark.parametrize(("handler", "hurt"), [("async", False), ("def", False), ("blocking", True)])
async def test_only_a_call_that_blocks_the_loop_hurts_who_needs_nothing_of_it(
    open_inventory: Open, http: Any, handler: Handler, hurt: bool
) -> None:
    """While one reservation makes a slow call, another route answers at once - or after it."""
    url = await open_inventory(handler, faults=True)
    assert (await told(http, "PUT", f"{url}/faults", **SLOW))[0] == 200
    order = {"order_id": f"slow-{handler}", "sku": "sku-0003", "quantity": 1}
    loop = asyncio.get_running_loop()

    slow = asyncio.create_task(told(http, "POST", f"{url}/reservations", **order))
    async with asyncio.timeout(10):
        while (await _slow_calls(http, url)) == 0 and not slow.done():  # noqa: ASYNC110 - the service sets no event of ours
            await asyncio.sleep(0.01)
    began = loop.time()
    status, _ = await told(http, "GET", f"{url}/skus")
    took_s = loop.time() - began
    was_under_way = not slow.done()

    assert (status, (await slow)[0]) == (200, 201)
    # Blocked: by the time that anybody is answered, the slow call is over.
    assert was_under_way is not hurt
    assert hurt or took_s < 0.3


async def _slow_calls(http: Any, url: str) -> int:
    _, state = await told(http, "GET", f"{url}/faults")
    return int(state["slow_calls"])


async def test_a_plain_handler_takes_a_thread_of_the_pool(open_inventory: Open, http: Any) -> None:
    url = await open_inventory("def", faults=True)
    await told(http, "PUT", f"{url}/faults", **SLOW)
    order = {"order_id": "in-a-thread", "sku": "sku-0004", "quantity": 1}

    slow = asyncio.create_task(told(http, "POST", f"{url}/reservations", **order))
    await asyncio.sleep(0.15)
    async with http.get(f"{url}/metrics") as answer:
        page = await answer.text()

    assert f'{THREAD_TOKENS_USED}{{arm="test-arm",service="inventory"}} 1.0' in page
    assert (await slow)[0] == 201


async def test_without_the_switch_there_is_no_such_route(open_inventory: Open, http: Any) -> None:
    url = await open_inventory("async")

    assert (await told(http, "PUT", f"{url}/faults", **SLOW))[0] == 404
