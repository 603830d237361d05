"""The API of orders."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from services.common.idempotency import IdempotencyKey, duplicates_told
from services.common.problems import ProblemError
from services.orders.core import Orders
from services.orders.schemas import OrderIn


def build_router(orders: Orders) -> APIRouter:
    """Return the routes around the core."""
    router = APIRouter()

    @router.post("/orders")
    async def place(body: OrderIn, key: IdempotencyKey) -> Response:
        with duplicates_told():
            settled = await orders.place(key, sku=body.sku, quantity=body.quantity, customer=body.customer)
        if settled.status == "declined":
            raise ProblemError(402, "declined", "the bank declined the charge")
        if settled.status == "failed":
            raise ProblemError(409, "out-of-stock", f"there are not {body.quantity} of {body.sku}")
        return JSONResponse({"order_id": settled.order_id, "status": settled.status}, 201)

    return router
