"""The composition root of notifications."""

from typing import Protocol

from fastapi import FastAPI

from services.common.base import Upstreams, build_app
from services.common.gc_pauses import without_gc_pauses
from services.common.kit import Kit, make_kit
from services.common.settings import read_or_exit
from services.notifications.core import Book
from services.notifications.routes import STREAM, build_router
from services.notifications.settings import NotificationsSettings
from services.notifications.stream import Streams
from services.notifications.upstreams import NotificationsUpstreams


class Ports(Upstreams, Protocol):
    """What notifications needs from outside; `streams` is fed by whoever consumes."""

    book: Book
    streams: Streams


def create_app(upstreams: Ports, kit: Kit) -> FastAPI:
    """Return the application on the given upstreams, real or fake."""
    router = build_router(upstreams.book, upstreams.streams)
    hub = upstreams.streams.hub
    kit.metrics.watch_streams(lambda: {"gateway": hub.open_feeds}, lambda: {"gateway": hub.dropped})
    return build_app(kit, upstreams, router, endless=lambda path: path == STREAM)


def main() -> FastAPI:
    """Return the application as the environment describes it, for `uvicorn --factory`."""
    settings = read_or_exit(NotificationsSettings.read)
    kit = make_kit("notifications", settings.arm, profile=settings.profile)
    return without_gc_pauses(create_app(NotificationsUpstreams(settings, kit), kit))
