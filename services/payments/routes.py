"""The API of payments."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from services.common.idempotency import IdempotencyKey, duplicates_told
from services.common.problems import ProblemError
from services.payments.core import Payments
from services.payments.schemas import ChargeIn


def build_router(payments: Payments) -> APIRouter:
    """Return the routes around the core."""
    router = APIRouter()

    @router.post("/charges")
    async def charge(body: ChargeIn, key: IdempotencyKey) -> Response:
        with duplicates_told():
            decision = await payments.charge(key, order_id=body.order_id, amount_cents=body.amount_cents)
        if decision == "declined":
            raise ProblemError(402, "declined", "the bank declined the charge")
        return JSONResponse({"status": decision}, 201)

    return router
