"""What a client is told who sends a key again, by each service that takes one."""

from typing import Any

import pytest

from resilience import InProgress, KeyReused
from services.bank.app import create_app as bank_app
from services.bank.settings import BankSettings
from services.orders.app import create_app as orders_app
from services.payments.app import create_app as payments_app


class Keys:
    """A store that answers every claim with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def claim(self, *_args: Any, **_options: Any) -> Any:
        raise self.error


ORDER: dict[str, Any] = {"url": "/orders", "json": {"sku": "sku-0001", "quantity": 2}}
CHARGE: dict[str, Any] = {"url": "/charges", "json": {"order_id": "o-1", "amount_cents": 5}}


@pytest.fixture
def ask(kit: Any, client: Any, upstreams: Any) -> Any:
    """Return a function that sends a request to a service whose store fails with `error`."""

    async def ask_(service: str, error: Exception) -> Any:
        keys = Keys(error)
        if service == "orders":
            app, request = (
                orders_app(upstreams(orders=keys, inventory=None, payments=None, finish_with=lambda _: None), kit),
                ORDER,
            )
        else:
            app, request = payments_app(upstreams(charges=keys, bank=None), kit), CHARGE
        return await client(app).post(**request, headers={"Idempotency-Key": "k"})

    return ask_


@pytest.mark.parametrize("service", ["orders", "payments"])
async def test_a_key_in_progress_is_409_and_says_when_to_come_back(ask: Any, service: str) -> None:
    """Not 503: the service is well. Retry-After tells it from the 409 that is an answer."""
    response = await ask(service, InProgress("link", retry_after_s=1.2))

    assert (response.status_code, response.headers["retry-after"]) == (409, "2")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "urn:shop:problem:in-progress"


@pytest.mark.parametrize("service", ["orders", "payments"])
async def test_a_key_of_another_request_is_422(ask: Any, service: str) -> None:
    response = await ask(service, KeyReused("link"))

    assert (response.status_code, response.json()["type"]) == (422, "urn:shop:problem:key-reused")
    assert "retry-after" not in response.headers


async def test_the_bank_refuses_a_key_of_another_charge(kit: Any, client: Any) -> None:
    """And goes on to answer the first one as before."""
    speaking = client(bank_app(BankSettings("test-arm", latency_s=0.0, slots=1), kit))
    told = []
    for amount_cents in (5, 6, 5):
        body = {"order_id": "o-1", "amount_cents": amount_cents}
        told.append(await speaking.post("/charges", json=body, headers={"Idempotency-Key": "k"}))

    assert [response.status_code for response in told] == [201, 422, 201]
    assert told[1].json()["type"] == "urn:shop:problem:key-reused"
