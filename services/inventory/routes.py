"""The API of inventory, with the two handlers that reach the database made in three ways.

`async`: they await a driver that gives the loop back while it waits. `def`: FastAPI runs them in a thread of a pool of
40, and they may block it. `blocking`: an `async def` that calls what blocks, so the whole process waits with it. The
work is the same in all three; so are the answers.
"""

from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from services.common.faults import FaultSwitch
from services.common.problems import ProblemError
from services.inventory.blocking import BlockingInventory
from services.inventory.core import Inventory, Reserved, Stock
from services.inventory.schemas import ReservationIn, SkuInPath
from services.inventory.settings import Handler

Endpoint = Callable[..., Response] | Callable[..., Awaitable[Response]]


def build_router(
    inventory: Inventory,
    assortment: Callable[[], Sequence[str]],
    handler: Handler = "async",
    blocking: BlockingInventory | None = None,
    switch: FaultSwitch | None = None,
) -> APIRouter:
    """Return the routes around the core.

    `blocking` is what the handlers call that are not async; `switch` may make reservations slow.
    """
    stock, reserve = _handlers(inventory, handler, blocking)
    if switch is not None:
        reserve = switch.wrapped(reserve, handler)
    router = APIRouter()
    router.add_api_route("/stock/{sku}", stock, methods=["GET"])
    router.add_api_route("/reservations", reserve, methods=["POST"])

    @router.delete("/reservations/{order_id}")
    async def release(order_id: str) -> Response:
        await inventory.release(order_id)
        return Response(status_code=204)

    @router.get("/skus")
    async def skus() -> Response:
        # From memory, and async in every kind: a request that needs nothing of what may be slow.
        return JSONResponse({"skus": list(assortment())})

    return router


def _handlers(inventory: Inventory, handler: Handler, blocking: BlockingInventory | None) -> tuple[Endpoint, Endpoint]:
    """Return the handlers of /stock and /reservations."""
    if handler == "async" or blocking is None:

        async def stock(sku: SkuInPath) -> Response:
            return _told(sku, await inventory.stock(sku))

        async def reserve(body: ReservationIn) -> Response:
            return _decided(body, await inventory.reserve(body.order_id, body.sku, body.quantity))

        return stock, reserve

    def stock_in_thread(sku: SkuInPath) -> Response:
        return _told(sku, blocking.stock(sku))

    def reserve_in_thread(body: ReservationIn) -> Response:
        return _decided(body, blocking.reserve(body.order_id, body.sku, body.quantity))

    if handler == "def":
        return stock_in_thread, reserve_in_thread

    async def stock_in_loop(sku: SkuInPath) -> Response:
        return stock_in_thread(sku)

    async def reserve_in_loop(body: ReservationIn) -> Response:
        return reserve_in_thread(body)

    return stock_in_loop, reserve_in_loop


def _told(sku: str, found: Stock | None) -> Response:
    if found is None:
        raise ProblemError(404, "product-unknown", f"there is no product {sku}")
    return JSONResponse({"sku": found.sku, "available": found.available, "stale": found.stale})


def _decided(body: ReservationIn, decision: Reserved) -> Response:
    if decision == "short":
        raise ProblemError(409, "out-of-stock", f"there are not {body.quantity} of {body.sku}")
    return JSONResponse({"status": "reserved"}, 201)
