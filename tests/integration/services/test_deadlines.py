"""The time a caller has left, on its way through the services."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI, Request

from resilience import LinkSettings, SystemClock, Timeout, TimeoutSettings
from resilience.deadline import HEADER
from services.common.http_client import HttpSession

pytestmark = pytest.mark.integration


async def order(shop: Any, key: str, **headers: str) -> Any:
    """Ask orders itself, past the gateway."""
    sent = {"Idempotency-Key": key, **headers}
    response = await shop.customer.post(
        f"{shop.orders.url}/orders", json={"sku": "sku-0001", "quantity": 1}, headers=sent
    )
    await response.read()
    return response


async def test_work_that_cannot_be_done_in_time_is_refused_before_it_begins(open_shop: Any) -> None:
    """An order takes 0.17 s; with 0.2 s left, less than 1.5 times that, nothing is written and nothing charged."""
    shop = await open_shop("protected")

    refused = await order(shop, "key-1", **{HEADER: "200"})

    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert "too little of the caller's time" in (await refused.json())["detail"]
    assert await shop.rows("SELECT id FROM orders.orders") == []
    assert await shop.charges_at_bank() == []


async def test_with_time_enough_it_is_done(open_shop: Any) -> None:
    shop = await open_shop("protected")

    assert (await order(shop, "key-1", **{HEADER: "2000"})).status == 201


async def test_naive_works_on_for_nobody(open_shop: Any) -> None:
    shop = await open_shop("naive")

    assert (await order(shop, "key-1", **{HEADER: "1"})).status == 201


async def test_what_is_left_is_sent_on_with_every_call(serve: Callable[[FastAPI], Awaitable[str]]) -> None:
    """An attempt's timeout is the deadline of whoever answers it; without one there is none."""
    app = FastAPI()

    @app.get("/told")
    async def told(request: Request) -> dict[str, str | None]:
        return {"left_ms": request.headers.get(HEADER)}

    clock = SystemClock()
    session = HttpSession(clock)
    await session.open()
    try:
        peer = session.to("teller", await serve(app), LinkSettings())
        timeout = Timeout("app_to_teller", TimeoutSettings(30.0), clock=clock)

        bounded = await timeout.call(lambda: peer.send("GET", "/told"))
        unbounded = await peer.send("GET", "/told")
    finally:
        await session.close()

    assert 0 < int(bounded.body["left_ms"]) <= 30_000
    assert unbounded.body["left_ms"] is None
