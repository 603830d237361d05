"""The HTTP API: from a request to its route, and what the original answers to requests that match none."""

import asyncio
import posixpath
import secrets
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from urllib.parse import unquote

from aiohttp import web

from chaos.toxiproxy.server import exposition
from chaos.toxiproxy.server.errors import ApiError
from chaos.toxiproxy.server.printing import dump
from chaos.toxiproxy.server.registry import Registry
from chaos.toxiproxy.server.routes import Answer, Handler, match, text_answer

# The original reads what comes. Ten thousand proxies are 2 MB.
BODY_MAX_BYTES = 64 * 1_024 * 1_024
READ_TIMEOUT_S = 15.0


class Api:
    """Answers requests on a registry of proxies; `handle` is what the HTTP server calls.

    /metrics is there if one of the two kinds of metrics is asked for.
    """

    def __init__(self, registry: Registry, *, proxy_metrics: bool = False, runtime_metrics: bool = False) -> None:
        self._registry = registry
        self._proxy_metrics = proxy_metrics
        self._runtime_metrics = runtime_metrics

    async def handle(self, request: web.BaseRequest) -> Answer:
        """Answer one request; an ApiError becomes its status and body."""
        path = unquote(request.rel_url.raw_path)
        clean = posixpath.normpath(path).replace("//", "/")
        if clean != path and clean != path.rstrip("/"):
            return web.Response(status=HTTPStatus.MOVED_PERMANENTLY, headers={"Location": clean})
        if path == "/metrics" and (self._proxy_metrics or self._runtime_metrics):
            return self._marked(await self._guarded(request, self._metrics))
        found = match(path)
        if found is None or (path == "/extensions" and self._registry.runtime.strict):
            return text_answer("404 page not found", HTTPStatus.NOT_FOUND)
        methods, names = found
        if request.method not in methods:
            return web.Response(status=HTTPStatus.METHOD_NOT_ALLOWED)
        handler = methods[request.method]
        return self._marked(await self._guarded(request, lambda: self._answer(request, handler, names)))

    def _marked(self, answer: Answer) -> Answer:
        answer.headers["X-Toxiproxy-Request-Id"] = secrets.token_hex(10)
        return answer

    async def _guarded(self, request: web.BaseRequest, work: Callable[[], Awaitable[Answer]]) -> Answer:
        # A page in a browser could otherwise drive the API of the machine that shows it.
        if request.headers.get("User-Agent", "").startswith("Mozilla/"):
            return text_answer("User agent not allowed", HTTPStatus.FORBIDDEN)
        return await work()

    async def _answer(self, request: web.BaseRequest, handler: Handler, names: list[str]) -> Answer:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                body = await _body(request)
            return await handler(self._registry, body, names)
        except ApiError as error:
            return text_answer(dump(error.body()), error.status)

    async def _metrics(self) -> Answer:
        lines = [*self._lines(), ""]
        return web.Response(body="\n".join(lines).encode(), headers={"Content-Type": exposition.CONTENT_TYPE})

    def _lines(self) -> Iterator[str]:
        runtime = self._registry.runtime
        if self._runtime_metrics:
            yield from exposition.runtime_metrics()
        yield from exposition.handler_metrics()
        if self._proxy_metrics:
            yield from exposition.proxy_metrics(runtime.meter, strict=runtime.strict)


async def _body(request: web.BaseRequest) -> bytes:
    """Return the body. Raises HTTPRequestEntityTooLarge, which the server answers by itself."""
    pieces: list[bytes] = []
    size = 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size > BODY_MAX_BYTES:
            raise web.HTTPRequestEntityTooLarge(max_size=BODY_MAX_BYTES, actual_size=size)
        pieces.append(piece)
    return b"".join(pieces)
