"""One route that does nothing, with and without our middleware: what `make bench` sets side by side."""

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from services.common.kit import make_kit
from services.common.middleware import Observe


def bare() -> FastAPI:
    """Return the least that FastAPI does, for `uvicorn --factory`."""
    app = FastAPI(docs_url=None, redoc_url=None)

    @app.get("/nothing")
    async def nothing() -> Response:
        return JSONResponse({"status": "ok"})

    return app


def observed() -> FastAPI:
    """Return the same with a log line, metrics and a request id for every request."""
    app, kit = bare(), make_kit("bare", "bench")
    app.add_middleware(Observe, clock=kit.clock, metrics=kit.metrics, log=kit.log)
    return app
