"""The bank's composition root."""

from fastapi import FastAPI

from services.bank.core import Bank
from services.bank.routes import build_router
from services.bank.settings import BankSettings
from services.common.base import build_app
from services.common.gc_pauses import without_gc_pauses
from services.common.kit import Kit, make_kit
from services.common.no_upstreams import NoUpstreams
from services.common.settings import read_or_exit


def create_app(settings: BankSettings, kit: Kit) -> FastAPI:
    """Return the application."""
    bank = Bank(kit.clock, latency_s=settings.latency_s, slots=settings.slots)
    return build_app(kit, NoUpstreams(), build_router(bank))


def main() -> FastAPI:
    """Return the application as the environment describes it, for `uvicorn --factory`."""
    settings = read_or_exit(BankSettings.read)
    return without_gc_pauses(create_app(settings, make_kit("bank", settings.arm)))
