"""The gateway's API on fake ports: what a customer is told for each answer of the services behind."""

from typing import Any

import pytest

from resilience import AttemptTimeout, BreakerOpen, BulkheadFull
from services.common.errors import (
    DependencyBrokenError,
    DependencyDownError,
    DependencyRefusedError,
    DependencyTimeoutError,
)
from services.gateway.app import create_app
from services.gateway.core import Purchase, Stock
from services.gateway.streams import Streams


class Behind:
    """Orders and inventory that answer as told, or raise it."""

    def __init__(self, told: Any) -> None:
        self.told = told
        self.asked: list[Any] = []

    def answer(self, *asked: Any) -> Any:
        self.asked.append(asked)
        if isinstance(self.told, Exception):
            raise self.told
        return self.told

    async def place(self, key: str, *, sku: str, quantity: int, customer: str) -> Any:
        return self.answer(key, sku, quantity, customer)

    async def stock(self, sku: str) -> Any:
        return self.answer(sku)


class Silent:
    """Notifications that nobody asks."""

    async def listed(self, customer: str, *, after: int, most: int) -> Any:
        raise AssertionError(customer)

    async def streamed(self, after: int | None) -> Any:
        raise AssertionError(after)
        yield


def silent(kit: Any) -> Streams:
    return Streams(Silent(), clock=kit.clock, tell=kit.tell)


@pytest.fixture
def ask(kit: Any, client: Any, upstreams: Any) -> Any:
    """Return a function that sends one request to a gateway whose services behave as told."""

    async def ask_(told: Any, method: str, path: str, **options: Any) -> tuple[Any, Behind]:
        behind = Behind(told)
        app = create_app(upstreams(orders=behind, inventory=behind, streams=silent(kit), catalog=behind), kit)
        return await client(app).request(method, path, **options), behind

    return ask_


CHECKOUT: dict[str, Any] = {
    "method": "POST",
    "path": "/checkout",
    "json": {"sku": "sku-0001", "quantity": 2},
    "headers": {"Idempotency-Key": "k"},
}


async def test_a_purchase_is_told_by_its_order(ask: Any) -> None:
    """201 with the order's id; the key and the goods reach orders as they came."""
    response, behind = await ask(Purchase("o-1"), **CHECKOUT)

    assert (response.status_code, response.json()) == (201, {"order_id": "o-1", "status": "confirmed"})
    assert behind.asked == [("k", "sku-0001", 2, "guest")]


async def test_stock_is_told_with_its_age(ask: Any) -> None:
    """200 with the figure, and whether it is stale."""
    response, _ = await ask(Stock("sku-0001", 4, stale=True), "GET", "/products/sku-0001/stock")

    assert (response.status_code, response.json()) == (200, {"sku": "sku-0001", "available": 4, "stale": True})


@pytest.mark.parametrize(
    ("told", "status", "kind"),
    [("declined", 402, "declined"), ("out-of-stock", 409, "out-of-stock"), ("key-reused", 422, "key-reused")],
)
async def test_a_refused_purchase_is_a_problem_of_its_own_type(ask: Any, told: str, status: int, kind: str) -> None:
    """Each refusal has its status and its type."""
    response, _ = await ask(told, **CHECKOUT)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == f"urn:shop:problem:{kind}"
    assert "retry-after" not in response.headers


@pytest.mark.parametrize(
    ("told", "status", "retry_after"),
    [
        (BreakerOpen("gateway_to_orders", retry_after_s=2.1), 503, "3"),
        (BreakerOpen("gateway_to_orders", retry_after_s=0.01), 503, "1"),
        (BulkheadFull("gateway_to_orders", "full"), 503, "1"),
        (DependencyRefusedError("orders", 7.0), 503, "7"),
        (DependencyDownError("orders", "cannot be reached"), 503, "1"),
        (DependencyTimeoutError("orders", "did not answer in time"), 504, None),
        (AttemptTimeout("gateway_to_orders", timeout_s=1.0), 504, None),
        (AttemptTimeout("orders_to_postgres", timeout_s=1.0), 503, "1"),
        (AttemptTimeout("catalog_to_mysql", timeout_s=1.0), 503, "1"),
        (DependencyBrokenError("orders", "answered 500"), 502, None),
        (ZeroDivisionError("a defect"), 500, None),
    ],
)
async def test_a_failure_is_told_by_what_the_client_should_do(
    ask: Any, told: Exception, status: int, retry_after: str | None
) -> None:
    """503 says when to come back; 504, 502 and 500 do not know. Nothing is a bare text."""
    response, _ = await ask(told, **CHECKOUT)

    assert response.status_code == status
    assert response.headers.get("retry-after") == retry_after
    assert response.headers["content-type"] == "application/problem+json"
    assert set(response.json()) == {"type", "title", "status", "detail", "instance"}
    assert response.json()["instance"] == "/checkout"


async def test_the_log_says_why_a_request_was_refused(ask: Any, lines: Any) -> None:
    """The line of a refusal is a warning and carries what the client was told; an answered request carries nothing."""
    await ask(BreakerOpen("gateway_to_orders", retry_after_s=2), **CHECKOUT)
    (line,) = lines()

    assert (line["level"], line["status"]) == ("warning", 503)
    assert line["detail"].startswith("gateway_to_orders: the circuit breaker is open")


async def test_a_defect_is_logged_and_not_told(ask: Any, lines: Any) -> None:
    """The client of a 500 learns nothing of our insides; the log has the traceback and the request's id."""
    response, _ = await ask(ZeroDivisionError("a secret"), **CHECKOUT)

    assert "secret" not in response.text
    error, line = lines()
    assert (error["level"], line["status"]) == ("error", 500)
    assert "ZeroDivisionError" in error["error"]
    assert "test_gateway.py" in error["traceback"]
    assert error["request_id"] == line["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"headers": {}}, 400),
        ({"headers": {"Idempotency-Key": "k" * 201}}, 400),
        ({"headers": {"Idempotency-Key": "a\tb"}}, 400),
        ({"json": {"sku": "sku-0001", "quantity": 0}}, 422),
        ({"json": {"sku": "sku-0001", "quantity": 1_001}}, 422),
        ({"json": {"sku": "SKU/../1", "quantity": 1}}, 422),
        ({"json": {"sku": "sku-0001"}}, 422),
        ({"json": {"sku": "sku-0001", "quantity": 1, "extra": 1}}, 422),
        ({"json": None, "content": b"{"}, 422),
    ],
)
async def test_nonsense_does_not_reach_orders(ask: Any, options: dict[str, Any], status: int) -> None:
    """What the client gets wrong is answered here, as a problem that names the field."""
    response, behind = await ask(Purchase("o-1"), **{**CHECKOUT, **options})

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"]
    assert behind.asked == []
