"""The shop's products, as customers see them: catalog's answers, passed on as they are, its refusals included."""

from collections.abc import Mapping
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from services.common.http_client import Answer
from services.common.problems import MEDIA_TYPE
from services.gateway.schemas import SkuInPath

# Catalog has its own, closer bounds; a question longer than this does not even reach it.
LONGEST_TEXT = 1_000
Text = Annotated[str, Query(max_length=LONGEST_TEXT)]


class Catalog(Protocol):
    """The port to catalog."""

    async def ask(self, path: str, params: Mapping[str, str]) -> Answer:
        """Return its answer, also one that refuses; raises DependencyError, Rejected."""
        ...


def build_catalog_router(catalog: Catalog) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/catalog")

    @router.get("/products")
    async def page(request: Request, cursor: Text | None = None, limit: Text | None = None) -> Response:
        return _told(request, await catalog.ask("/products", _given(cursor=cursor, limit=limit)))

    @router.get("/products/{sku}")
    async def product(request: Request, sku: SkuInPath) -> Response:
        return _told(request, await catalog.ask(f"/products/{sku}", {}))

    @router.get("/products/{sku}/similar")
    async def similar(request: Request, sku: SkuInPath, limit: Text | None = None) -> Response:
        return _told(request, await catalog.ask(f"/products/{sku}/similar", _given(limit=limit)))

    @router.get("/search")
    async def search(request: Request, q: Text = "", limit: Text | None = None) -> Response:
        return _told(request, await catalog.ask("/search", {"q": q, **_given(limit=limit)}))

    return router


def _given(**params: str | None) -> dict[str, str]:
    return {name: value for name, value in params.items() if value is not None}


def _told(request: Request, answer: Answer) -> Response:
    """Return an answer of catalog as ours; a problem is told of the path that the customer asked."""
    if answer.status < 400:  # noqa: PLR2004 - HTTP's own
        return JSONResponse(answer.body, answer.status)
    body: dict[str, Any] = {**answer.body, "instance": request.url.path}
    return JSONResponse(body, answer.status, media_type=MEDIA_TYPE)
