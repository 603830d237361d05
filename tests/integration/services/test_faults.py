"""What customers see while a dependency fails: real sockets, cut or silenced in the middle."""

import asyncio
import time
from typing import Any

import pytest

from services.common.readiness import BOUND_S
from services.inventory import upstreams

pytestmark = pytest.mark.integration

# A bound that is met with ease and is far from "hangs": every wait under `protected` is shorter than 2 s.
SOON_S = 4.0


async def timed(call: Any) -> tuple[Any, float]:
    started = time.perf_counter()
    return await call, time.perf_counter() - started


@pytest.mark.parametrize("fault", ["down", "silent"])
async def test_without_its_database_a_checkout_is_refused_soon(
    open_shop: Any, wire: Any, servers: Any, fault: str
) -> None:
    """With the database cut off or silent, protected answers 503 with Retry-After and does not hang."""
    line = await wire(servers.postgres)
    shop = await open_shop("protected", postgres=line.port)
    assert (await shop.checkout("key-0")).status == 201
    if fault == "down":
        await line.down()
    else:
        line.silent = True

    response, took_s = await timed(shop.checkout("key-1"))

    assert response.status == 503
    assert int(response.headers["retry-after"]) >= 1
    assert response.content_type == "application/problem+json"
    assert took_s < SOON_S


async def test_only_readiness_knows_about_the_database(
    open_shop: Any, wire: Any, servers: Any, eventually: Any
) -> None:
    """While the database is silent, /readyz is 503 within its bound; /healthz and /metrics do not notice."""
    line = await wire(servers.postgres)
    shop = await open_shop("naive", postgres=line.port)
    assert (await shop.get(f"{shop.orders.url}/readyz")).status == 200
    line.silent = True
    # All ten connections of the pool hang, and customers queue behind them.
    hanging = [asyncio.create_task(shop.checkout(f"key-{number}")) for number in range(15)]

    async def queued() -> bool:
        text = await (await shop.get(f"{shop.orders.url}/metrics")).text()
        (line,) = [line for line in text.splitlines() if line.startswith("db_pool_waiting{")]
        return float(line.split()[1]) >= 5

    await eventually(queued)

    ready, took_s = await timed(shop.get(f"{shop.orders.url}/readyz"))
    health = await shop.get(f"{shop.orders.url}/healthz")
    metrics = await shop.get(f"{shop.orders.url}/metrics")

    assert (ready.status, health.status, metrics.status) == (503, 200, 200)
    problem = await ready.json(content_type="application/problem+json")
    assert problem["checks"]["postgres"] != "ok"
    assert took_s < BOUND_S + 1
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_a_service_is_ready_again_when_its_database_is(
    open_shop: Any, wire: Any, servers: Any, eventually: Any
) -> None:
    """After a cut, the same process serves again without a restart."""
    line = await wire(servers.postgres)
    shop = await open_shop("protected", postgres=line.port)
    await line.down()
    assert (await shop.checkout("key-1")).status == 503
    assert (await shop.get(f"{shop.orders.url}/readyz")).status == 503

    await line.up()

    async def sold() -> bool:
        response = await shop.checkout("key-1")
        return bool(response.status == 201)

    await eventually(sold)
    assert (await shop.get(f"{shop.orders.url}/readyz")).status == 200
    # The refused tries left nothing behind that a repeat could double.
    assert [charge["count"] for charge in await shop.charges_at_bank()] == [1]


@pytest.fixture
def soon_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let copies be fresh for a second: what is asked is what comes after it, not how long it takes."""
    monkeypatch.setattr(upstreams, "FRESH_S", 1)


@pytest.mark.usefixtures("clean_cache", "soon_stale")
async def test_browsing_is_answered_from_the_stale_copy(
    open_shop: Any, wire: Any, servers: Any, eventually: Any
) -> None:
    """With the database gone, protected browsing goes on with copies and says that they are stale."""
    line = await wire(servers.postgres)
    shop = await open_shop("protected", postgres=line.port)
    url = f"{shop.gateway.url}/products/sku-0042/stock"
    fresh = await (await shop.get(url)).json()
    await line.down()

    # The copy is fresh for a second more; then only the fallback can answer.
    async def stale() -> bool:
        body = await (await shop.get(url)).json()
        assert {**body, "stale": False} == fresh
        return bool(body["stale"])

    assert fresh == {"sku": "sku-0042", "available": 1_000_000, "stale": False}
    await eventually(stale)


@pytest.mark.usefixtures("clean_cache")
async def test_every_product_has_a_copy_from_the_start(open_shop: Any, wire: Any, servers: Any) -> None:
    """A product that nobody has looked at yet can still be browsed when the database goes right after the start."""
    line = await wire(servers.postgres)
    shop = await open_shop("protected", postgres=line.port)
    await line.down()

    response = await shop.get(f"{shop.gateway.url}/products/sku-0199/stock")

    assert (response.status, (await response.json())["available"]) == (200, 1_000_000)


@pytest.mark.usefixtures("clean_cache", "soon_stale")
async def test_naive_browsing_fails_where_protected_goes_on(
    open_shop: Any, wire: Any, servers: Any, eventually: Any
) -> None:
    """Without the fallback, a missing database is a 503 as soon as the copy is no longer fresh."""
    line = await wire(servers.postgres)
    shop = await open_shop("naive", postgres=line.port)
    url = f"{shop.gateway.url}/products/sku-0042/stock"
    await line.down()

    async def refused() -> bool:
        response = await shop.get(url)
        assert response.status in {200, 503}
        assert response.status == 503 or not (await response.json())["stale"]
        return bool(response.status == 503)

    await eventually(refused)


async def test_without_redis_protected_reads_the_database(open_shop: Any, wire: Any, servers: Any) -> None:
    """A cache that is gone is an empty cache: browsing is answered, fresh, from the database."""
    line = await wire(servers.valkey)
    shop = await open_shop("protected", redis=line.port)
    await line.down()

    response, took_s = await timed(shop.get(f"{shop.gateway.url}/products/sku-0042/stock"))

    assert await response.json() == {"sku": "sku-0042", "available": 1_000_000, "stale": False}
    assert took_s < SOON_S
    assert (await shop.get(f"{shop.inventory.url}/readyz")).status == 503


async def test_a_cold_cache_does_not_stop_the_start(open_shop: Any, wire: Any, servers: Any) -> None:
    """Inventory starts without Redis, says so in its log, and serves."""
    line = await wire(servers.valkey)
    await line.down()

    shop = await open_shop("protected", redis=line.port)

    assert (await shop.checkout("key-1")).status == 201


async def test_a_silent_bank_is_a_gateway_timeout(open_shop: Any) -> None:
    """A charge that the bank does not answer in time is 504: nobody knows whether money was taken."""
    shop = await open_shop("protected", bank_latency_s=60.0)

    response, took_s = await timed(shop.checkout("key-1"))

    assert response.status == 504
    assert response.content_type == "application/problem+json"
    assert took_s < SOON_S
