"""A server that answers in 2 ms and stalls once: the simplest service that a closed loop cannot measure."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from resilience.clock import SystemClock

ANSWER_S = 0.002


@dataclass
class Stalling:
    """Whoever comes from `from_s` to `to_s` after the first customer waits until `to_s`; health checks are none."""

    from_s: float
    to_s: float
    url: str = ""
    first_s: float | None = None
    asked: int = 0

    async def answer(self, _: web.Request) -> web.Response:
        """Answer a customer."""
        now = SystemClock().now()
        if self.first_s is None:
            self.first_s = now
        self.asked += 1
        since_s = now - self.first_s
        await asyncio.sleep(self.to_s - since_s if self.from_s <= since_s < self.to_s else ANSWER_S)
        return web.json_response({"available": 5, "stale": False})


async def _healthy(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


@asynccontextmanager
async def stalling(from_s: float, to_s: float) -> AsyncIterator[Stalling]:
    """Run such a server on a free port of this machine."""
    server = Stalling(from_s, to_s)
    application = web.Application()
    application.router.add_get("/healthz", _healthy)
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=2048).start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()
