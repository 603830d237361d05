"""How customers listen: server-sent events and a WebSocket, each from the last id that they have seen."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine
from typing import Annotated

from fastapi import APIRouter, Header, Query, WebSocket
from fastapi.responses import JSONResponse, Response
from starlette.websockets import WebSocketDisconnect

from resilience import Rejected
from services.common.cut_off import cut_off
from services.common.errors import DependencyError
from services.common.hub import HubFullError
from services.common.problems import ProblemError, problem
from services.common.sse import HEARTBEAT, EventStream, event
from services.gateway.schemas import LARGEST_ID, CustomerInPath
from services.gateway.streams import Kind, Stream, Streams, UnknownIdError

PREFIX = "/customers/"
MOST_LISTED = 200
# A customer who takes nothing for this long is not there.
SEND_S = 10.0


def is_endless(path: str) -> bool:
    """Return whether the answers under a path go on until somebody leaves."""
    return path.startswith(PREFIX) and path.endswith(("/stream", "/ws"))


def last_id(text: str | None, name: str) -> int | None:
    """Return the id that a customer saw last, None where they say none; raises ProblemError naming it."""
    if text is None or text == "":
        return None
    if text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_ID)) and int(text) <= LARGEST_ID:
        return int(text)
    raise ProblemError(400, "bad-last-event-id", f"{name}: {text[:40]!r} is no id of a notification")


async def _opened(streams: Streams, kind: Kind, customer: str, text: str | None, name: str) -> Stream:
    """Open a stream after the id in a field of that name; raises ProblemError, DependencyError and Rejected."""
    after = last_id(text, name)
    try:
        return await streams.open(kind, customer, after=after)
    except HubFullError as error:
        raise ProblemError(
            503, "too-many-streams", "there are as many listeners as there may be", retry_after_s=5.0
        ) from error
    except UnknownIdError as error:
        raise ProblemError(
            400, "bad-last-event-id", f"{name}: {after} is no id of a notification of this customer's"
        ) from error


def build_stream_router(streams: Streams) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix=f"{PREFIX}{{customer}}/notifications")

    @router.get("")
    async def listed(
        customer: CustomerInPath,
        after: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = MOST_LISTED,
    ) -> Response:
        found = await streams.listed(customer, after=after, most=limit)
        return JSONResponse({"notifications": list(found)})

    @router.get("/stream")
    async def stream(customer: CustomerInPath, last_event_id: Annotated[str | None, Header()] = None) -> Response:
        opened = await _opened(streams, "sse", customer, last_event_id, "Last-Event-ID")
        return EventStream(_events(opened), send_s=SEND_S, on_end=lambda stuck: streams.close(opened, stuck=stuck))

    @router.websocket("/ws")
    async def socket(websocket: WebSocket, customer: CustomerInPath, last_event_id: str | None = None) -> None:
        try:
            opened = await _opened(streams, "websocket", customer, last_event_id, "last_event_id")
        except (ProblemError, DependencyError, Rejected) as error:
            await websocket.send_denial_response(_denied(error, websocket.url.path))
            return
        stuck = False
        try:
            await websocket.accept()
            stuck = await _until_either(_send(websocket, opened), _left(websocket))
        finally:
            streams.close(opened, stuck=stuck)
            if stuck:
                await cut_off(websocket._receive)  # noqa: SLF001 -- a WebSocket has no other way to its line
            with contextlib.suppress(RuntimeError, OSError, WebSocketDisconnect):
                async with asyncio.timeout(1.0):
                    await websocket.close()

    return router


async def _events(stream: Stream) -> AsyncGenerator[bytes]:
    async with contextlib.aclosing(stream.chunks) as chunks:
        async for notices in chunks:
            yield b"".join(event(one.id, one.data) for one in notices) or HEARTBEAT


async def _send(websocket: WebSocket, stream: Stream) -> None:
    """Send what comes; ends with the stream, or where a message is not taken in SEND_S. The server itself pings."""
    async with contextlib.aclosing(stream.chunks) as chunks:
        async for notices in chunks:
            for one in notices:
                async with asyncio.timeout(SEND_S):
                    await websocket.send_text(one.data)


async def _left(websocket: WebSocket) -> None:
    """Return when the customer has left; what they say is not listened to."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def _until_either(*ways: Coroutine[None, None, None]) -> bool:
    """Run until the first ends, and end the others; return whether the customer took nothing for too long.

    A customer who is gone or takes nothing is no error.
    """
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception) and not isinstance(end, OSError | WebSocketDisconnect | RuntimeError):
            raise end
    return any(isinstance(end, TimeoutError) for end in ends)


def _denied(error: Exception, path: str) -> Response:
    """Return the answer to a WebSocket that is not accepted."""
    if isinstance(error, ProblemError):
        return problem(
            error.status, detail=error.detail, kind=error.kind, instance=path, retry_after_s=error.retry_after_s
        )
    return problem(503, detail=str(error), instance=path, retry_after_s=1.0)
