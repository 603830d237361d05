"""Server-sent events: their text, and an answer that goes on until the client leaves, or stops taking what is sent."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from services.common.cut_off import cut_off

# A comment: it keeps proxies from taking a quiet stream for a dead one, and finds out whether the client is there.
HEARTBEAT = b": \n\n"
HEADERS: Mapping[str, str] = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    # A proxy that collects an answer before it passes it on would keep events back.
    "x-accel-buffering": "no",
}


def event(id_: int, data: str) -> bytes:
    """Return one event; `data` is one line."""
    return f"id: {id_}\ndata: {data}\n\n".encode()


class EventStream(Response):
    """Sends `chunks` as they come. It ends with them, with the client, or where one chunk is not taken in `send_s`.

    Whichever it is, `on_end` is called, and told whether the client took nothing: a generator that nobody has begun
    runs no `finally` of its own.
    """

    def __init__(self, chunks: AsyncGenerator[bytes], *, send_s: float, on_end: Callable[[bool], None]) -> None:
        super().__init__(headers=dict(HEADERS))
        self._chunks = chunks
        self._send_s = send_s
        self._on_end = on_end
        # An answer without an end has no length.
        self.raw_headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        del scope
        writing = asyncio.ensure_future(self._write(send))
        leaving = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stuck = writing.done() and not writing.cancelled() and isinstance(writing.exception(), TimeoutError)
            self._on_end(stuck)
            for task in (writing, leaving):
                task.cancel()
            results = await asyncio.gather(writing, leaving, return_exceptions=True)
        if stuck:
            await cut_off(receive)
        for result in results:
            # A client that takes nothing, or is gone, is the usual end of a stream.
            if isinstance(result, Exception) and not isinstance(result, OSError):
                raise result

    async def _write(self, send: Send) -> None:
        async with contextlib.aclosing(self._chunks) as chunks:
            start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            await self._within(send, start)
            async for chunk in chunks:
                await self._within(send, {"type": "http.response.body", "body": chunk, "more_body": True})
            await self._within(send, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _within(self, send: Send, message: Message) -> None:
        async with asyncio.timeout(self._send_s):
            await send(message)


async def _gone(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
