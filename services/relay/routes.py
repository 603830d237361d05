"""The relay's API: put a page, take it away, read all of them."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from services.common.problems import ProblemError
from services.relay.core import KindConflict, Sources, TooManySources
from services.relay.exposition import BadPageError, read

MAX_BYTES = 1_000_000
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Name = Annotated[str, Path(pattern="^[a-z][a-z0-9-]{0,30}$")]


def build_router(sources: Sources) -> APIRouter:
    """Return the routes around the sources; its /metrics is theirs and stands before that of every service."""
    router = APIRouter()

    @router.put("/sources/{name}")
    async def put(name: Name, request: Request) -> Response:
        try:
            sources.put(name, read(await _page(request), name))
        except BadPageError as exc:
            raise ProblemError(400, "bad-page", str(exc)) from exc
        except KindConflict as exc:
            raise ProblemError(409, "kind-conflict", str(exc)) from exc
        except TooManySources as exc:
            raise ProblemError(429, "too-many-sources", str(exc), retry_after_s=1) from exc
        return Response(status_code=204)

    @router.delete("/sources/{name}")
    async def drop(name: Name) -> Response:
        sources.drop(name)
        return Response(status_code=204)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(sources.page(), media_type=MEDIA_TYPE)

    return router


async def _page(request: Request) -> str:
    """Return the body; never holds more than a little over the bound."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BYTES:
                raise ProblemError(413, "too-large", f"a page has at most {MAX_BYTES} bytes")
        return body.decode()
    except UnicodeDecodeError as exc:
        raise BadPageError(f"byte {exc.start} is no UTF-8") from exc
    except ClientDisconnect as exc:
        raise BadPageError("it ended in the middle") from exc
