"""The shop's API, as customers see it."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from services.common.idempotency import IdempotencyKey
from services.common.problems import ProblemError
from services.gateway.core import Purchase, Refusal, Shop
from services.gateway.schemas import CheckoutIn, SkuInPath

# Refusal -> status and what to tell the customer.
_TOLD: dict[Refusal, tuple[int, str]] = {
    "declined": (402, "the bank declined the charge"),
    "out-of-stock": (409, "there is not enough of this product"),
    "key-reused": (422, "this Idempotency-Key belongs to another purchase"),
}


def build_router(shop: Shop) -> APIRouter:
    """Return the routes around the core."""
    router = APIRouter()

    @router.post("/checkout")
    async def checkout(body: CheckoutIn, key: IdempotencyKey) -> Response:
        result = await shop.checkout(key, sku=body.sku, quantity=body.quantity, customer=body.customer)
        if isinstance(result, Purchase):
            return JSONResponse({"order_id": result.order_id, "status": "confirmed"}, 201)
        status, detail = _TOLD[result]
        raise ProblemError(status, result, detail)

    @router.get("/products")
    async def products() -> Response:
        return JSONResponse({"products": list(await shop.products())})

    @router.get("/products/{sku}/stock")
    async def stock(sku: SkuInPath) -> Response:
        found = await shop.stock(sku)
        if found is None:
            raise ProblemError(404, "product-unknown", f"there is no product {sku}")
        return JSONResponse({"sku": found.sku, "available": found.available, "stale": found.stale})

    return router
