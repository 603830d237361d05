"""The API of catalog."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from services.catalog.core import BadCursorError, Catalog
from services.catalog.schemas import Cursor, Limit, LimitOfFound, Question, SkuInPath, told, told_found
from services.common.problems import ProblemError


def build_router(catalog: Catalog) -> APIRouter:
    """Return the routes around the core."""
    router = APIRouter()

    @router.get("/products")
    async def page(cursor: Cursor = None, limit: Limit = 20) -> Response:
        try:
            found = await catalog.page(cursor, most=limit)
        except BadCursorError as error:
            raise ProblemError(400, "bad-cursor", "cursor: no page of this list gave it; begin without one") from error
        return JSONResponse({"products": [told(one) for one in found.products], "cursor": found.cursor})

    @router.get("/products/{sku}")
    async def product(sku: SkuInPath) -> Response:
        found, stale = await catalog.product(sku)
        if found is None:
            raise _unknown(sku)
        return JSONResponse({**told(found), "stale": stale})

    @router.get("/products/{sku}/similar")
    async def similar(sku: SkuInPath, limit: LimitOfFound = 5) -> Response:
        found = await catalog.similar(sku, most=limit)
        if found is None:
            raise _unknown(sku)
        return JSONResponse(told_found(found))

    @router.get("/search")
    async def search(q: Question, limit: LimitOfFound = 10) -> Response:
        return JSONResponse(told_found(await catalog.search(q, most=limit)))

    return router


def _unknown(sku: str) -> ProblemError:
    return ProblemError(404, "product-unknown", f"there is no product {sku}")
