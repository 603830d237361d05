"""The composition root of inventory."""

from typing import Protocol

from fastapi import FastAPI

from services.common.base import Upstreams, build_app
from services.common.kit import Kit, make_kit
from services.common.settings import read_or_exit
from services.inventory.core import Inventory, StockCache, StockTable
from services.inventory.routes import build_router
from services.inventory.settings import InventorySettings
from services.inventory.upstreams import InventoryUpstreams


class Ports(Upstreams, Protocol):
    """What inventory needs from outside."""

    stock: StockTable
    copies: StockCache


def create_app(upstreams: Ports, kit: Kit) -> FastAPI:
    """Return the application on the given upstreams, real or fake."""
    inventory = Inventory(upstreams.stock, upstreams.copies)
    return build_app(kit, upstreams, build_router(inventory))


def main() -> FastAPI:
    """Return the application as the environment describes it, for `uvicorn --factory`."""
    settings = read_or_exit(InventorySettings.read)
    kit = make_kit("inventory", settings.arm, profile=settings.profile)
    return create_app(InventoryUpstreams(settings, kit), kit)
