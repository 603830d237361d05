"""The composition root of catalog."""

from typing import Protocol

from fastapi import FastAPI

from services.catalog.core import Copies, Products, Vectors
from services.catalog.counting import CountedCatalog
from services.catalog.routes import build_router
from services.catalog.settings import CatalogSettings
from services.catalog.upstreams import CatalogUpstreams
from services.common.base import Upstreams, build_app
from services.common.gc_pauses import without_gc_pauses
from services.common.kit import Kit, make_kit
from services.common.settings import read_or_exit


class Ports(Upstreams, Protocol):
    """What catalog needs from outside."""

    products: Products
    vectors: Vectors
    copies: Copies


def create_app(upstreams: Ports, kit: Kit) -> FastAPI:
    """Return the application on the given upstreams, real or fake."""
    catalog = CountedCatalog(upstreams.products, upstreams.vectors, upstreams.copies, kit)
    return build_app(kit, upstreams, build_router(catalog))


def main() -> FastAPI:
    """Return the application as the environment describes it, for `uvicorn --factory`."""
    settings = read_or_exit(CatalogSettings.read)
    kit = make_kit("catalog", settings.arm, profile=settings.profile)
    return without_gc_pauses(create_app(CatalogUpstreams(settings, kit), kit))
