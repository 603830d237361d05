"""The bank's API: charge by key, and the list of what was taken."""

from dataclasses import asdict

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from services.bank.core import Bank
from services.bank.schemas import ChargeIn
from services.common.idempotency import IdempotencyKey, duplicates_told
from services.common.problems import ProblemError


def build_router(bank: Bank) -> APIRouter:
    """Return the routes around one bank."""
    router = APIRouter()

    @router.post("/charges")
    async def charge(body: ChargeIn, key: IdempotencyKey) -> Response:
        with duplicates_told():
            decision = await bank.charge(key, order_id=body.order_id, amount_cents=body.amount_cents)
        if decision == "declined":
            raise ProblemError(402, "declined", "the card's limit is too low")
        return JSONResponse({"status": decision}, 201)

    @router.get("/charges")
    async def charges() -> Response:
        return JSONResponse([asdict(taken) for taken in bank.taken()])

    return router
