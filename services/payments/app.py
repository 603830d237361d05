"""The composition root of payments."""

import uuid
from typing import Protocol

from fastapi import FastAPI

from resilience.idempotency import Idempotency
from services.common.base import Upstreams, build_app
from services.common.gc_pauses import without_gc_pauses
from services.common.kit import Kit, make_kit
from services.common.settings import read_or_exit
from services.payments.core import ONCE, Bank, ChargeTable, Payments
from services.payments.routes import build_router
from services.payments.settings import PaymentsSettings
from services.payments.upstreams import PaymentsUpstreams


class Ports(Upstreams, Protocol):
    """What payments needs from outside."""

    charges: ChargeTable
    bank: Bank


def create_app(upstreams: Ports, kit: Kit) -> FastAPI:
    """Return the application on the given upstreams, real or fake."""
    once = Idempotency(
        "orders_to_payments", ONCE, store=upstreams.charges, new_id=uuid.uuid4, clock=kit.clock, listener=kit.listener
    )
    return build_app(kit, upstreams, build_router(Payments(once, upstreams.bank, uuid.uuid4)))


def main() -> FastAPI:
    """Return the application as the environment describes it, for `uvicorn --factory`."""
    settings = read_or_exit(PaymentsSettings.read)
    kit = make_kit("payments", settings.arm, profile=settings.profile)
    return without_gc_pauses(create_app(PaymentsUpstreams(settings, kit), kit))
