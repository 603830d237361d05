"""The API of notifications: what a customer was told, and a stream of what everybody is told."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from services.common.hub import HubFullError
from services.common.problems import ProblemError
from services.common.sse import EventStream
from services.notifications.core import Book
from services.notifications.schemas import LARGEST_ID, MOST_LISTED, After, CustomerInPath, Limit, as_json
from services.notifications.stream import SEND_S, Streams

STREAM = "/stream"


def build_router(book: Book, streams: Streams) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.get("/customers/{customer}/notifications")
    async def of_customer(customer: CustomerInPath, after: After = 0, limit: Limit = MOST_LISTED) -> Response:
        found = await book.of_customer(customer, after=after, most=limit)
        return JSONResponse({"notifications": [as_json(one) for one in found]})

    @router.get(STREAM)
    async def stream(after: Annotated[int | None, Query(ge=0, le=LARGEST_ID)] = None) -> Response:
        try:
            opened = await streams.open(after)
        except HubFullError as error:
            raise ProblemError(503, "too-many-streams", "there are as many streams as there may be") from error
        return EventStream(opened.chunks, send_s=SEND_S, on_end=lambda stuck: streams.close(opened, stuck=stuck))

    return router
