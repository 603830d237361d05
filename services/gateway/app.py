"""The composition root of the gateway."""

from typing import Protocol

from fastapi import FastAPI

from resilience.asgi import Scope
from services.common.base import Upstreams, build_app
from services.common.gc_pauses import without_gc_pauses
from services.common.kit import Kit, make_kit
from services.common.settings import read_or_exit
from services.gateway.catalog_routes import Catalog, build_catalog_router
from services.gateway.core import Inventory, Orders, Shop
from services.gateway.routes import build_router
from services.gateway.settings import GatewaySettings
from services.gateway.stream_routes import build_stream_router, is_endless
from services.gateway.streams import Streams
from services.gateway.upstreams import GatewayUpstreams


class Ports(Upstreams, Protocol):
    """What the gateway needs from outside."""

    orders: Orders
    inventory: Inventory
    streams: Streams
    catalog: Catalog


def buyers_first(scope: Scope) -> int:
    """Return who goes first where requests have to wait: who pays before who looks."""
    return 1 if (scope["method"], scope["path"]) == ("POST", "/checkout") else 0


def create_app(upstreams: Ports, kit: Kit) -> FastAPI:
    """Return the application on the given upstreams, real or fake."""
    router = build_router(Shop(upstreams.orders, upstreams.inventory))
    streams = upstreams.streams
    router.include_router(build_stream_router(streams))
    router.include_router(build_catalog_router(upstreams.catalog))
    kit.metrics.watch_streams(lambda: streams.opened, lambda: streams.dropped)
    return build_app(kit, upstreams, router, priority=buyers_first, endless=is_endless)


def main() -> FastAPI:
    """Return the application as the environment describes it, for `uvicorn --factory`."""
    settings = read_or_exit(GatewaySettings.read)
    kit = make_kit("gateway", settings.arm, profile=settings.profile)
    return without_gc_pauses(create_app(GatewayUpstreams(settings, kit), kit))
