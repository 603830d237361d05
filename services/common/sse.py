"""Server-sent events: their text, and an answer that goes on until the client leaves, or stops taking what is sent."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from services.common.cut_off import cut_off

# A comment: it keeps proxies from taking a quiet stream for a dead one, and finds out whether the client is there.
HEARTBEAT = b": \n\n"
# For the end of a stream when the server stops, to a client that may take nothing.
LAST_S = 0.1
HEADERS: Mapping[str, str] = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    # A proxy that collects an answer before it passes it on would keep events back.
    "x-accel-buffering": "no",
}
LAST: Message = {"type": "http.response.body", "body": b"", "more_body": False}


def event(id_: int, data: str) -> bytes:
    """Return one event; `data` is one line."""
    return f"id: {id_}\ndata: {data}\n\n".encode()


class EventStream(Response):
    """Sends `chunks` as they come. It ends with them, with the client, or where one chunk is not taken in `send_s`.

    It also ends, well and as its client knows it, where it is cancelled: only a server that stops does that to an
    answer, and it would write a traceback of 1 ms for each of two thousand that did not end. Whichever it is, `on_end`
    is called, and told whether the client took nothing: a generator that nobody has begun runs no `finally` of its own.
    """

    def __init__(self, chunks: AsyncGenerator[bytes], *, send_s: float, on_end: Callable[[bool], None]) -> None:
        super().__init__(headers=dict(HEADERS))
        self._chunks = chunks
        self._send_s = send_s
        self._on_end = on_end
        self._begun = False
        # An answer without an end has no length.
        self.raw_headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        del scope
        writing = asyncio.ensure_future(self._write(send))
        leaving = asyncio.ensure_future(_gone(receive))
        stopped = False
        try:
            await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if not self._begun:
                raise
            stopped = True
        finally:
            stuck = writing.done() and not writing.cancelled() and isinstance(writing.exception(), TimeoutError)
            self._on_end(stuck)
            for task in (writing, leaving):
                task.cancel()
            results = await asyncio.gather(writing, leaving, return_exceptions=True)
        if stopped:
            # What ended by itself in the same moment has had its end.
            if writing.cancelled():
                with contextlib.suppress(OSError):
                    await _within(LAST_S, send, LAST)
            return
        if stuck:
            await cut_off(receive)
        for result in results:
            # A client that takes nothing, or is gone, is the usual end of a stream.
            if isinstance(result, Exception) and not isinstance(result, OSError):
                raise result

    async def _write(self, send: Send) -> None:
        async with contextlib.aclosing(self._chunks) as chunks:
            start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            await _within(self._send_s, send, start)
            self._begun = True
            async for chunk in chunks:
                await _within(self._send_s, send, {"type": "http.response.body", "body": chunk, "more_body": True})
            await _within(self._send_s, send, LAST)


async def _within(seconds: float, send: Send, message: Message) -> None:
    """Send a message; raises TimeoutError, an OSError, where it is not taken in time."""
    async with asyncio.timeout(seconds):
        await send(message)


async def _gone(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
