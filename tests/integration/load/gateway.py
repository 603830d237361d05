"""A small real HTTP server that answers as a test tells it to, and remembers who asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Gateway:
    """Where it listens, what was asked (method, path, key, request id), and how it answers."""

    answer: Answer
    url: str = ""
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    dropped: int = 0
    health_status: int = 200
    runner: web.AppRunner | None = None

    async def close(self) -> None:
        """Stop listening and break every connection."""
        if self.runner is not None:
            await self.runner.cleanup()


async def prompt(request: web.Request) -> web.Response:
    """Answer as the shop does when nothing is wrong."""
    if request.path == "/checkout":
        return web.json_response({"order_id": f"order-{request.headers['Idempotency-Key']}"}, status=201)
    return web.json_response({"available": 5, "stale": False})


async def mute(_: web.Request) -> web.Response:
    """Never answer."""
    await asyncio.sleep(3600)
    raise AssertionError("unreachable")


async def busy(_: web.Request) -> web.Response:
    """Refuse, and say when to come back."""
    return web.json_response({"title": "busy"}, status=503, headers={"Retry-After": "2"})


@asynccontextmanager
async def gateway(answer: Answer) -> AsyncIterator[Gateway]:
    """Run a gateway on a free port."""
    served = Gateway(answer)

    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()
        headers = request.headers
        key, request_id = headers.get("Idempotency-Key", ""), headers.get("X-Request-Id", "")
        served.asked.append((request.method, request.path, key, request_id))
        try:
            return await served.answer(request)
        except asyncio.CancelledError:
            served.dropped += 1
            raise

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"}, status=served.health_status)

    application = web.Application()
    application.router.add_get("/healthz", health)
    application.router.add_route("*", "/{path:.*}", handle)
    served.runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await served.runner.setup()
    try:
        await web.TCPSite(served.runner, "127.0.0.1", 0).start()
        host, port = served.runner.addresses[0][:2]
        served.url = f"http://{host}:{port}"
        yield served
    finally:
        await served.close()
