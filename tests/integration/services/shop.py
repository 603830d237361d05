"""The five services that need no broker and no MySQL, as one shop under one profile."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import aiohttp
import asyncpg
import pytest
from fastapi import FastAPI

from services.bank.app import create_app as bank_app
from services.bank.settings import BankSettings
from services.common.kit import make_kit
from services.gateway.app import create_app as gateway_app
from services.gateway.settings import GatewaySettings
from services.gateway.upstreams import GatewayUpstreams
from services.inventory.app import create_app as inventory_app
from services.inventory.settings import InventorySettings
from services.inventory.upstreams import InventoryUpstreams
from services.orders.app import create_app as orders_app
from services.orders.settings import OrdersSettings
from services.orders.upstreams import OrdersUpstreams
from services.payments.app import create_app as payments_app
from services.payments.settings import PaymentsSettings
from services.payments.upstreams import PaymentsUpstreams
from tests.integration.services.databases import Servers, rows
from tests.integration.services.serving import NOBODY_THERE, Running, Serve


@dataclass(frozen=True)
class Shop:
    """The five services under one profile, and a customer's session."""

    bank: Running
    payments: Running
    inventory: Running
    orders: Running
    gateway: Running
    database: str
    customer: aiohttp.ClientSession

    async def checkout(
        self,
        key: str,
        *,
        sku: str = "sku-0001",
        quantity: int = 1,
        request_id: str | None = None,
        customer: str | None = None,
    ) -> aiohttp.ClientResponse:
        headers = {"Idempotency-Key": key} | ({"X-Request-Id": request_id} if request_id else {})
        body = {"sku": sku, "quantity": quantity} | ({} if customer is None else {"customer": customer})
        response = await self.customer.post(f"{self.gateway.url}/checkout", json=body, headers=headers)
        await response.read()
        return response

    async def get(self, url: str) -> aiohttp.ClientResponse:
        response = await self.customer.get(url)
        await response.read()
        return response

    async def rows(self, statement: str) -> list[asyncpg.Record]:
        return await rows(self.database, statement)

    async def charges_at_bank(self) -> list[dict[str, object]]:
        response = await self.get(f"{self.bank.url}/charges")
        return list(await response.json())


OpenShop = Callable[..., Awaitable[Shop]]


@pytest.fixture
async def open_shop(serve: Serve, servers: Servers, database: str) -> AsyncIterator[OpenShop]:
    """Return a function that opens a shop; `postgres` and `redis` are the ports that its services are told."""
    customers: list[aiohttp.ClientSession] = []

    async def start(
        profile: str,
        *,
        postgres: int | None = None,
        redis: int | None = None,
        kafka: int | None = None,
        notifications: str = NOBODY_THERE,
        catalog: str = NOBODY_THERE,
        bank_latency_s: float = 0.0,
    ) -> Shop:
        arm = "test-arm"

        async def run(service: str, make: Callable[..., FastAPI]) -> Running:
            log = io.StringIO()
            return Running(await serve(make(make_kit(service, arm, profile=profile, stream=log))), log)

        told = database.replace(f":{servers.postgres}/", f":{postgres or servers.postgres}/")
        cache = f"redis://127.0.0.1:{redis or servers.valkey}/0"
        bank = await run("bank", lambda kit: bank_app(BankSettings(arm, bank_latency_s, 8), kit))
        to_payments = PaymentsSettings(arm, profile, bank.url, told)
        payments = await run("payments", lambda kit: payments_app(PaymentsUpstreams(to_payments, kit), kit))
        to_inventory = InventorySettings(arm, profile, told, cache)
        inventory = await run("inventory", lambda kit: inventory_app(InventoryUpstreams(to_inventory, kit), kit))
        events = None if kafka is None else f"kafka://127.0.0.1:{kafka}"
        to_orders = OrdersSettings(arm, profile, inventory.url, payments.url, told, events)
        orders = await run("orders", lambda kit: orders_app(OrdersUpstreams(to_orders, kit), kit))
        to_gateway = GatewaySettings(arm, profile, orders.url, inventory.url, notifications, catalog)
        gateway = await run("gateway", lambda kit: gateway_app(GatewayUpstreams(to_gateway, kit), kit))
        customers.append(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)))
        return Shop(bank, payments, inventory, orders, gateway, database, customers[-1])

    yield start
    for customer in customers:
        await customer.close()
