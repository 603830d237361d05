"""The deadline of a request, from its header to the handler, and the refusal at the door."""

import asyncio
import json
import math
from typing import Any

import pytest

from resilience import Clock, Event, SettingsError
from resilience.deadline import deadline_at
from resilience.deadline_asgi import DeadlineMiddleware
from resilience.events import RequestShed
from resilience.states import ShedReason

SHED = RequestShed("orders", ShedReason.DEADLINE)


class App:
    """An ASGI app that keeps what it was called with and the deadline it saw."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.calls: list[Any] = []
        self.seen: list[float | None] = []
        self._error = error

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls.append((scope, receive, send))
        self.seen.append(deadline_at.get())
        if self._error is not None:
            raise self._error


async def nothing_received() -> Any:
    raise AssertionError("the body of a request is the app's to read")


async def never_sent(_message: Any) -> None:
    raise AssertionError("nothing is refused here")


@pytest.fixture
def serve(clock: Clock, events: list[Event]) -> Any:
    """Serve one request with these header values through the middleware; return what was sent."""

    async def serve(app: App, *values: str, margin_s: float = 0.0, kind: str = "http") -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"9"), *((b"x-deadline-ms", value.encode()) for value in values)]
        scope = {"type": kind, "path": "/stock", "headers": headers} if kind != "lifespan" else {"type": kind}
        middleware = DeadlineMiddleware(app, server="orders", margin_s=margin_s, clock=clock, listener=events.append)
        await middleware(scope, nothing_received, send)
        if app.calls:
            assert app.calls == [(scope, nothing_received, send)]
        return sent

    return serve


async def test_a_request_has_the_time_of_its_header_from_now_on(serve: Any, clock: Clock, events: list[Event]) -> None:
    app = App()
    await clock.sleep(1.0)

    assert await serve(app, "1500") == []

    assert app.seen == [2.5]
    assert deadline_at.get() is None
    assert events == []


@pytest.mark.parametrize("values", [(), ("soon",), ("inf",), ("1, 2",), ("\xff",)])
async def test_a_request_without_a_readable_header_has_no_deadline(serve: Any, values: tuple[str, ...]) -> None:
    app = App()

    await serve(app, *values)

    assert app.seen == [None]


@pytest.mark.parametrize(("value", "margin_s"), [("0", 0.0), ("-5", 0.0), ("99", 0.1), ("0", 0.1)])
async def test_a_request_that_cannot_be_met_is_answered_before_the_app_sees_it(
    serve: Any, events: list[Event], value: str, margin_s: float
) -> None:
    app = App()

    start, body = await serve(app, value, margin_s=margin_s)

    assert app.calls == []
    assert events == [SHED]
    assert (start["type"], start["status"], body["type"]) == ("http.response.start", 503, "http.response.body")
    headers = dict(start["headers"])
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"retry-after"] == b"1"
    assert headers[b"content-length"] == str(len(body["body"])).encode()
    assert json.loads(body["body"]) == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "too little of the caller's time was left to begin",
        "instance": "/stock",
    }


@pytest.mark.parametrize(("value", "margin_s"), [("1", 0.0), ("100", 0.1)])
async def test_a_request_that_can_just_be_met_is_served(serve: Any, value: str, margin_s: float) -> None:
    app = App()

    assert await serve(app, value, margin_s=margin_s) == []

    assert app.seen == [pytest.approx(int(value) / 1000)]


async def test_of_several_headers_the_nearest_counts(serve: Any) -> None:
    app = App()

    await serve(app, "900", "soon", "300", "600")

    assert app.seen == [0.3]


@pytest.mark.parametrize(("value", "seen"), [("500", 0.5), ("", None)])
async def test_what_the_servers_task_inherited_is_a_strangers(serve: Any, value: str, seen: float | None) -> None:
    """A server may run a request in the context of another one of the same connection, whose time was up long ago."""
    app = App()
    deadline_at.set(-9.0)

    assert await serve(app, value, margin_s=0.1) == []

    assert app.seen == [seen]
    assert deadline_at.get() == -9.0


async def test_a_second_door_takes_the_instant_of_the_first(clock: Clock, events: list[Event]) -> None:
    """Read anew, the header would give back what was spent between the two."""
    app = App()
    inner = DeadlineMiddleware(app, server="orders", margin_s=0.0, clock=clock, listener=events.append)

    async def slowly(scope: Any, receive: Any, send: Any) -> None:
        await clock.sleep(0.2)
        await inner(scope, receive, send)

    outer = DeadlineMiddleware(slowly, server="orders", margin_s=0.0, clock=clock, listener=events.append)
    await outer({"type": "http", "path": "/", "headers": [(b"x-deadline-ms", b"500")]}, nothing_received, never_sent)

    assert app.seen == [0.5]


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
async def test_what_is_no_http_request_passes_as_it_is(serve: Any, kind: str) -> None:
    app = App()

    assert await serve(app, "0", kind=kind) == []

    assert app.seen == [None]


@pytest.mark.parametrize("error", [ConnectionError(), asyncio.CancelledError()])
async def test_however_a_request_ends_the_next_has_none_of_its_deadline(serve: Any, error: BaseException) -> None:
    with pytest.raises(type(error)):
        await serve(App(error), "500")

    assert deadline_at.get() is None


@pytest.mark.parametrize("margin_s", [-1, math.inf])
def test_a_margin_that_makes_no_sense_is_refused(clock: Clock, margin_s: float) -> None:
    with pytest.raises(SettingsError, match=r"DeadlineMiddleware\.margin_s"):
        DeadlineMiddleware(App(), server="orders", margin_s=margin_s, clock=clock, listener=print)


async def test_what_is_left_is_measured_from_now(serve: Any, clock: Clock, events: list[Event]) -> None:
    app = App()
    await clock.sleep(1.0)

    await serve(app, "50", margin_s=0.1)

    assert app.calls == []
    assert events == [SHED]
