"""The composition root of orders."""

import uuid
from datetime import UTC, datetime
from typing import Protocol

from fastapi import FastAPI

from resilience.idempotency import Idempotency
from services.common.base import Upstreams, build_app
from services.common.gc_pauses import without_gc_pauses
from services.common.kit import Kit, make_kit
from services.common.settings import read_or_exit
from services.orders.core import ONCE, Inventory, Orders, OrderTable, Payments
from services.orders.jobs import Place
from services.orders.routes import build_router
from services.orders.settings import OrdersSettings
from services.orders.upstreams import OrdersUpstreams


class Ports(Upstreams, Protocol):
    """What orders needs from outside."""

    orders: OrderTable
    inventory: Inventory
    payments: Payments

    def finish_with(self, place: Place) -> None:
        """Take the way by which orders are finished that nobody works on any more."""
        ...


def create_app(upstreams: Ports, kit: Kit) -> FastAPI:
    """Return the application on the given upstreams, real or fake."""
    once = Idempotency(
        "gateway_to_orders", ONCE, store=upstreams.orders, new_id=uuid.uuid4, clock=kit.clock, listener=kit.listener
    )
    orders = Orders(
        once, upstreams.inventory, upstreams.payments, uuid.uuid4, lambda: datetime.fromtimestamp(kit.clock.wall(), UTC)
    )
    upstreams.finish_with(orders.place)
    return build_app(kit, upstreams, build_router(orders))


def main() -> FastAPI:
    """Return the application as the environment describes it, for `uvicorn --factory`."""
    settings = read_or_exit(OrdersSettings.read)
    kit = make_kit("orders", settings.arm, profile=settings.profile)
    return without_gc_pauses(create_app(OrdersUpstreams(settings, kit), kit))
