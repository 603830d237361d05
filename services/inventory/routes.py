"""The API of inventory."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from services.common.problems import ProblemError
from services.inventory.core import Inventory
from services.inventory.schemas import ReservationIn, SkuInPath


def build_router(inventory: Inventory) -> APIRouter:
    """Return the routes around the core."""
    router = APIRouter()

    @router.get("/stock/{sku}")
    async def stock(sku: SkuInPath) -> Response:
        found = await inventory.stock(sku)
        if found is None:
            raise ProblemError(404, "product-unknown", f"there is no product {sku}")
        return JSONResponse({"sku": found.sku, "available": found.available, "stale": found.stale})

    @router.post("/reservations")
    async def reserve(body: ReservationIn) -> Response:
        if await inventory.reserve(body.order_id, body.sku, body.quantity) == "short":
            raise ProblemError(409, "out-of-stock", f"there are not {body.quantity} of {body.sku}")
        return JSONResponse({"status": "reserved"}, 201)

    @router.delete("/reservations/{order_id}")
    async def release(order_id: str) -> Response:
        await inventory.release(order_id)
        return Response(status_code=204)

    return router
