"""What every service has in common: its life, health, readiness, request ids, the log, the metrics."""

import asyncio
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from services.common import base
from services.common.base import build_app
from services.common.metrics import DB_POOL_WAITING, HTTP_DURATION, HTTP_IN_FLIGHT, PoolUse
from services.common.metrics_page import MetricsPage
from services.common.middleware import request_id


def router_of(handler: Any) -> APIRouter:
    router = APIRouter()
    router.add_api_route("/work/{item}", handler, response_model=None)
    return router


async def fine() -> PlainTextResponse:
    return PlainTextResponse(request_id.get())


async def test_upstreams_are_opened_before_and_closed_after(kit: Any, upstreams: Any) -> None:
    """The lifespan owns what was handed in."""
    ports = upstreams()
    app = build_app(kit, ports, APIRouter())

    async with app.router.lifespan_context(app):
        assert ports.events == ["open"]
    assert ports.events == ["open", "close"]


async def test_what_was_opened_half_is_closed(kit: Any, upstreams: Any) -> None:
    """A start that fails in the middle lets go of what it has, and fails."""
    ports = upstreams()

    async def fail() -> None:
        ports.events.append("open")
        raise ConnectionError("no database")

    ports.open = fail
    app = build_app(kit, ports, APIRouter())

    with pytest.raises(ConnectionError):
        async with app.router.lifespan_context(app):
            raise AssertionError("must not start")
    assert ports.events == ["open", "close"]


async def test_a_close_that_hangs_is_given_up(kit: Any, upstreams: Any, lines: Any, monkeypatch: Any) -> None:
    """Closing is bounded, even where a driver does not even let itself be cancelled; the log says so."""
    monkeypatch.setattr(base, "CLOSE_TIMEOUT_S", 0.01)
    ports = upstreams()
    freed = asyncio.Event()

    async def stubborn() -> None:
        while not freed.is_set():
            try:
                await freed.wait()
            except asyncio.CancelledError:
                continue

    ports.close = stubborn
    app = build_app(kit, ports, APIRouter())

    async with app.router.lifespan_context(app):
        pass
    assert lines()[-1] == {**lines()[-1], "level": "warning", "event": "closing took too long, gave up"}
    freed.set()


async def test_health_asks_nobody_and_readiness_asks_everybody(kit: Any, upstreams: Any, client: Any) -> None:
    """/healthz is the process; /readyz is 503 with what is wrong as soon as one dependency does not answer."""

    async def well() -> None:
        return None

    async def ill() -> None:
        raise ConnectionError("nobody there")

    ports = upstreams()
    ports.checks_ = {"a": well, "b": ill}
    speak = client(build_app(kit, ports, APIRouter()))

    assert (await speak.get("/healthz")).json() == {"status": "ok"}
    ready = await speak.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"] == {"a": "ok", "b": "nobody there"}
    assert ready.headers["retry-after"] == "1"
    ports.checks_["b"] = well
    assert (await speak.get("/readyz")).status_code == 200


@pytest.mark.parametrize(
    ("sent", "taken_over"),
    [("abc-1.2:3_4", True), ("", False), ("x" * 129, False), ('"}{"level":"fatal', False), ("with space", False)],
)
async def test_a_request_id_is_taken_over_if_it_is_harmless(
    kit: Any, upstreams: Any, client: Any, sent: str, taken_over: bool
) -> None:
    """The handler sees the id, the response carries it; what could forge a log line is replaced."""
    speak = client(build_app(kit, upstreams(), router_of(fine)))

    response = await speak.get("/work/1", headers={"X-Request-Id": sent})

    assert response.text == response.headers["x-request-id"]
    assert (response.text == sent) is taken_over
    assert taken_over or len(response.text) == 32


async def test_a_line_a_request(kit: Any, upstreams: Any, client: Any, lines: Any) -> None:
    """The line names route, status, duration, arm and id; questions of machines leave none."""
    speak = client(build_app(kit, upstreams(), router_of(fine)))

    response = await speak.get("/work/42")
    for path in ("/healthz", "/readyz", "/metrics"):
        await speak.get(path)

    (line,) = lines()
    assert line == {
        "time": line["time"],
        "level": "info",
        "service": "gateway",
        "arm": "test-arm",
        "request_id": response.headers["x-request-id"],
        "method": "GET",
        "route": "/work/{item}",
        "status": 200,
        "duration_ms": line["duration_ms"],
    }
    assert line["duration_ms"] >= 0


async def test_a_request_is_in_flight_while_it_runs_and_counted_after(kit: Any, upstreams: Any, client: Any) -> None:
    """The gauge goes up and down again, the histogram gets one observation under the route."""
    seen = []

    async def handler() -> PlainTextResponse:
        seen.append(kit.registry.get_sample_value(HTTP_IN_FLIGHT, {"service": "gateway", "arm": "test-arm"}))
        return PlainTextResponse("")

    await client(build_app(kit, upstreams(), router_of(handler))).get("/work/1")

    labels = {"service": "gateway", "arm": "test-arm"}
    assert seen == [1]
    assert kit.registry.get_sample_value(HTTP_IN_FLIGHT, labels) == 0
    route = {**labels, "method": "GET", "route": "/work/{item}", "status": "200"}
    assert kit.registry.get_sample_value(f"{HTTP_DURATION}_count", route) == 1


async def test_a_request_that_the_server_cancels_is_told_to_come_back(
    kit: Any, upstreams: Any, client: Any, lines: Any
) -> None:
    """At the end of its patience uvicorn cancels; the client gets 503 instead of a cut line."""
    entered = asyncio.Event()

    async def handler() -> None:
        entered.set()
        await asyncio.Event().wait()

    speak = client(build_app(kit, upstreams(), router_of(handler)))
    request = asyncio.create_task(speak.get("/work/1"))
    await entered.wait()

    request.cancel()

    response = await request
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert lines()[-1]["status"] == 503


def test_a_pool_is_read_when_it_is_scraped(kit: Any) -> None:
    """The gauge shows the pool of this moment."""
    use = PoolUse(size=10, used=10, waiting=0)
    kit.metrics.watch_pool(lambda: use)
    labels = {"service": "gateway", "arm": "test-arm", "store": "postgres"}
    assert kit.registry.get_sample_value(DB_POOL_WAITING, labels) == 0

    use.waiting = 7

    assert kit.registry.get_sample_value(DB_POOL_WAITING, labels) == 7


def test_two_pools_of_a_process_are_told_apart_by_their_store(kit: Any) -> None:
    kit.metrics.watch_pool(lambda: PoolUse(size=10, used=1, waiting=3))
    kit.metrics.watch_pool(lambda: PoolUse(size=5, used=2, waiting=4), store="mysql")

    page = MetricsPage(kit.registry).write("")[0].decode()
    waiting = [line.split()[-1] for line in page.splitlines() if line.startswith(f"{DB_POOL_WAITING}{{")]
    assert waiting == ["3.0", "4.0"]
    assert page.count(f"# TYPE {DB_POOL_WAITING} gauge") == 1
