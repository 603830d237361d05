"""What operators see: logs by request id, metrics that Prometheus can read, health and readiness."""

import asyncio
import json
import sys
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.common import metrics as names
from services.common.logs import WRITTEN_WITHIN_S

pytestmark = pytest.mark.integration


async def lines_of(running: Any) -> list[dict[str, Any]]:
    """Return what a service has logged, once what waits is written, too."""
    await asyncio.sleep(2 * WRITTEN_WITHIN_S)
    return [json.loads(line) for line in running.log.getvalue().splitlines()]


async def test_one_request_id_runs_through_all_services(open_shop: Any) -> None:
    """The id that a client sends comes back, and every service on the way logs it with its arm."""
    shop = await open_shop("protected")

    response = await shop.checkout("key-1", request_id="trace-me-1")

    assert response.headers["x-request-id"] == "trace-me-1"
    routes = {}
    for running in (shop.gateway, shop.orders, shop.inventory, shop.payments, shop.bank):
        (line,) = [line for line in await lines_of(running) if line.get("request_id") == "trace-me-1"]
        assert set(line) >= {"time", "level", "method", "route", "status", "duration_ms"}
        assert line["arm"] == "test-arm"
        routes[line["service"]] = (line["route"], line["status"])
    assert routes == {
        "gateway": ("/checkout", 201),
        "orders": ("/orders", 201),
        "inventory": ("/reservations", 201),
        "payments": ("/charges", 201),
        "bank": ("/charges", 201),
    }


async def test_a_request_id_is_made_where_none_is_usable(open_shop: Any) -> None:
    """Without an id, or with one that could forge a log line, the gateway makes its own."""
    shop = await open_shop("protected")

    none = await shop.checkout("key-1")
    bad = await shop.checkout("key-2", request_id='x" level="fatal')

    assert len(none.headers["x-request-id"]) == 32
    assert bad.headers["x-request-id"] != 'x" level="fatal'


async def test_metrics_can_be_read_by_prometheus(open_shop: Any) -> None:
    """Every service's /metrics parses, carries service and arm, and names routes, never paths."""
    shop = await open_shop("protected")
    await shop.checkout("key-1")
    await shop.get(f"{shop.gateway.url}/products/sku-0001/stock")
    await shop.get(f"{shop.gateway.url}/nowhere/sku-0001")

    for running, service in ((shop.gateway, "gateway"), (shop.orders, "orders"), (shop.bank, "bank")):
        response = await shop.get(f"{running.url}/metrics")
        assert response.content_type.startswith("text/plain")
        families = {family.name: family for family in text_string_to_metric_families(await response.text())}
        duration = families[names.HTTP_DURATION]
        counts = {sample.labels["route"]: sample.value for sample in duration.samples if sample.name.endswith("_count")}
        assert all(sample.labels["service"] == service for sample in duration.samples)
        assert all(sample.labels["arm"] == "test-arm" for sample in duration.samples)
        assert names.HTTP_IN_FLIGHT in families
        assert {names.EVENT_LOOP_LAG, names.EVENT_LOOP_LAG_MAX, names.THREAD_TOKENS} <= set(families)
        if service == "gateway":
            assert counts == {"/checkout": 1, "/products/{sku}/stock": 1, "unmatched": 1}
        if service == "orders":
            assert {names.DB_POOL_SIZE, names.DB_POOL_USED, names.DB_POOL_WAITING} <= set(families)
            assert families[names.DB_POOL_SIZE].samples[0].value == 10
            links = {sample.labels["link"] for sample in families["resilience_calls"].samples}
            assert links == {"orders_to_inventory", "orders_to_payments", "orders_to_postgres"}


async def test_all_services_are_healthy_and_ready(open_shop: Any) -> None:
    """A whole shop is ready; machines' questions are neither logged nor counted as customers'."""
    shop = await open_shop("protected")
    everyone = (shop.gateway, shop.orders, shop.inventory, shop.payments, shop.bank)

    for running in everyone:
        health = await shop.get(f"{running.url}/healthz")
        ready = await shop.get(f"{running.url}/readyz")
        assert (health.status, await health.json()) == (200, {"status": "ok"})
        assert (ready.status, (await ready.json())["status"]) == (200, "ready")

    logged = [line for running in everyone for line in await lines_of(running)]
    assert logged
    assert not [line for line in logged if "route" in line]


async def test_the_probe_exits_by_what_the_url_answers(open_shop: Any, wire: Any, servers: Any) -> None:
    """A container's health check: 0 on 200, 1 on anything else or nobody, 2 on a wrong call."""
    line = await wire(servers.postgres)
    shop = await open_shop("protected", postgres=line.port)

    async def probe(*arguments: str) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.common.probe", *arguments, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(20):
            return await process.wait()

    assert await probe(f"{shop.orders.url}/readyz") == 0
    await line.down()
    assert await probe(f"{shop.orders.url}/readyz") == 1
    assert await probe("http://127.0.0.1:9/readyz") == 1
    assert await probe() == 2
    assert await probe("ftp://127.0.0.1/") == 2
