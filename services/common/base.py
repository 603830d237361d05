"""The application that every service has in common: health, readiness, metrics, problems, and a bounded life.

`create_app` of a service hands in its routes and its upstreams; this module owns their opening and closing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from anyio import to_thread
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response

from resilience import LoadShedding
from resilience.asgi import Scope
from resilience.load_shedding import alike
from services.common import problems
from services.common.kit import Kit
from services.common.lag import LAG_BUCKETS_S, LagProbe
from services.common.metrics import ThreadTokens
from services.common.metrics_page import MetricsPage
from services.common.middleware import Observe, Quiet
from services.common.readiness import BOUND_S, Check, Readiness

# With uvicorn's 0.2 s of its own and 1 s of patience for requests, a process is gone within 1.5 s of SIGTERM.
CLOSE_TIMEOUT_S = 0.25


class Upstreams(Protocol):
    """All that a service speaks to, as one thing that is opened and closed."""

    async def open(self) -> None:
        """Connect, migrate, warm up; raises where the service cannot start."""
        ...

    async def close(self) -> None:
        """Let go of everything; may be cancelled, and is then called no more."""
        ...

    def checks(self) -> Mapping[str, Check]:
        """Return what must answer for this process to be ready."""
        ...


def build_app(
    kit: Kit,
    upstreams: Upstreams,
    router: APIRouter,
    *,
    priority: Callable[[Scope], int] = alike,
    endless: Callable[[str], bool] = lambda _path: False,
) -> FastAPI:
    """Return the application of a service, ready for a server.

    `priority` says who goes first, the higher number, where the profile guards the door and requests have to wait.
    `endless` says of a path whether its answers go on until somebody leaves: they take no place at the door.
    """
    readiness = Readiness(upstreams.checks(), bound_s=BOUND_S)
    lag = LagProbe(kit.metrics.loop_lags(LAG_BUCKETS_S))
    kit.metrics.watch_loop_lag(lag.max_s)
    kit.metrics.watch_threads(_thread_tokens)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            await upstreams.open()
            lag.start()
            kit.log.line("info", event="started")
            yield
        finally:
            lag.stop()
            await _close_in_time(kit, readiness, upstreams)
            kit.log.flush()

    app = FastAPI(title=kit.service, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(router)
    app.include_router(_operations(kit, readiness))
    quiet = Quiet(endless)
    if kit.door is not None:
        app.add_middleware(
            LoadShedding,
            server=kit.service,
            settings=kit.door,
            priority=priority,
            exempt=quiet,
            clock=kit.clock,
            listener=kit.listener,
        )
    # Added last, so outermost: what the door refuses is a request answered, too.
    app.add_middleware(Observe, clock=kit.clock, metrics=kit.metrics, log=kit.log, quiet=quiet)
    problems.install(app)
    return app


def _thread_tokens() -> ThreadTokens:
    """Return how the threads of plain `def` handlers stand; asked on the event loop that owns them."""
    now = to_thread.current_default_thread_limiter().statistics()
    return ThreadTokens(now.total_tokens, now.borrowed_tokens, now.tasks_waiting)


async def _close_in_time(kit: Kit, readiness: Readiness, upstreams: Upstreams) -> None:
    await readiness.close()
    closing = asyncio.ensure_future(upstreams.close())
    # wait() and not timeout(): it does not wait for a cancellation that itself hangs.
    _, late = await asyncio.wait({closing}, timeout=CLOSE_TIMEOUT_S)
    if late:
        closing.cancel()
        kit.log.line("warning", event="closing took too long, gave up")
    elif (error := closing.exception()) is not None:
        kit.log.line("warning", event="closing failed", error=repr(error))


def _operations(kit: Kit, readiness: Readiness) -> APIRouter:
    """Return the three routes for machines. Health and metrics touch no dependency, so they answer whatever fails."""
    router = APIRouter(include_in_schema=False)
    page = MetricsPage(kit.registry)

    @router.get("/healthz")
    async def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    @router.get("/readyz")
    async def readyz(request: Request) -> Response:
        report = await readiness.report()
        wrong = {name: state for name, state in report.items() if state != "ok"}
        if not wrong:
            return JSONResponse({"status": "ready", "checks": report})
        detail = "; ".join(f"{name}: {state}" for name, state in wrong.items())
        return problems.problem(
            503,
            kind="not-ready",
            detail=detail,
            instance=request.url.path,
            retry_after_s=problems.DEFAULT_RETRY_AFTER_S,
            extra={"checks": report},
        )

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        text, content_type = page.write(request.headers.get("accept", ""))
        return Response(text, media_type=content_type)

    return router
