"""The composition root of inventory."""

from collections.abc import Sequence
from typing import Protocol

from fastapi import FastAPI

from services.common.base import Upstreams, build_app
from services.common.faults import FaultSwitch, fault_router
from services.common.gc_pauses import without_gc_pauses
from services.common.kit import Kit, make_kit
from services.common.read_metrics import ReadUse
from services.common.settings import read_or_exit
from services.inventory.blocking import BlockingInventory
from services.inventory.core import Inventory, StockCache, StockTable
from services.inventory.routes import build_router
from services.inventory.settings import Handler, InventorySettings
from services.inventory.upstreams import InventoryUpstreams


class Ports(Upstreams, Protocol):
    """What inventory needs from outside; `blocking` only for handlers that block."""

    stock: StockTable
    copies: StockCache
    blocking: BlockingInventory | None
    assortment: Sequence[str]


def create_app(upstreams: Ports, kit: Kit, *, handler: Handler = "async", faults: bool = False) -> FastAPI:
    """Return the application on the given upstreams, real or fake; `faults` gives it the lab's fault switch."""
    # The other handlers read past the core.
    heard = [ReadUse(kit).answered] if handler == "async" else []
    inventory = Inventory(upstreams.stock, upstreams.copies, *heard)
    switch = FaultSwitch(kit.clock) if faults else None
    router = build_router(inventory, lambda: upstreams.assortment, handler, upstreams.blocking, switch)
    if switch is not None:
        kit.metrics.watch_slow_calls(lambda: switch.slow_calls)
        router.include_router(fault_router(switch))
    return build_app(kit, upstreams, router)


def main() -> FastAPI:
    """Return the application as the environment describes it, for `uvicorn --factory`."""
    settings = read_or_exit(InventorySettings.read)
    kit = make_kit("inventory", settings.arm, profile=settings.profile)
    return without_gc_pauses(
        create_app(InventoryUpstreams(settings, kit), kit, handler=settings.handler, faults=settings.faults)
    )
