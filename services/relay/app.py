"""The relay's composition root: one for all arms, so it has no arm and no profile, and it calls nobody."""

from fastapi import FastAPI

from services.common.base import build_app
from services.common.gc_pauses import without_gc_pauses
from services.common.kit import Kit, make_kit
from services.common.no_upstreams import NoUpstreams
from services.relay.core import Sources
from services.relay.routes import build_router


def create_app(kit: Kit) -> FastAPI:
    """Return the application."""
    return build_app(kit, NoUpstreams(), build_router(Sources(kit.clock)))


def main() -> FastAPI:
    """Return the application, for `uvicorn --factory`."""
    return without_gc_pauses(create_app(make_kit("relay", "")))
