"""The one middleware: request id, metrics, the log line, and a problem for what nobody caught.

Pure ASGI, because BaseHTTPMiddleware halves a service's throughput. It is the outermost layer of ours, so no exception
leaves the application: the server would answer a bare text and write a traceback for every request it cancels.
"""

import asyncio
import os
import re
import traceback
from collections.abc import Callable, Container, Iterable
from contextvars import ContextVar
from http import HTTPStatus
from itertools import count

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resilience import SystemClock
from services.common.logs import JsonLog
from services.common.metrics import ServiceMetrics
from services.common.problems import DETAIL, problem

HEADER = "x-request-id"
_HEADER = HEADER.encode()
# The request being answered; the HTTP client passes it on.
request_id: ContextVar[str] = ContextVar("request_id", default="")

# Asked by machines several times a second: they would drown the customers in the log and in the histogram.
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ACCEPTABLE = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class Quiet(Container[str]):
    """The paths that are neither timed nor logged: those for machines, and `endless` ones, whose answers go on.

    An answer that goes on for an hour is no slow request, and says nothing about how many are being answered.
    """

    def __init__(self, endless: Callable[[str], bool]) -> None:
        self._endless = endless

    def __contains__(self, path: object) -> bool:
        return path in QUIET or (isinstance(path, str) and self._endless(path))


class Observe:
    """Wraps an application; see the module. The paths in `quiet` are neither timed nor logged."""

    def __init__(
        self, app: ASGIApp, *, clock: SystemClock, metrics: ServiceMetrics, log: JsonLog, quiet: Container[str] = QUIET
    ) -> None:
        self._app = app
        self._quiet = quiet
        self._clock = clock
        self._metrics = metrics
        self._log = log
        # One random number a process: one a request would be a call of the kernel's a request.
        process = os.urandom(12).hex()
        self._ids = (f"{process}{number:08x}" for number in count())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, _id_of(scope["headers"]) or next(self._ids))
        request_id.set(answer.request_id)
        if scope["path"] in self._quiet:
            await self._run(scope, receive, answer)
            return
        self._metrics.in_flight += 1
        started_s = self._clock.now()
        try:
            await self._run(scope, receive, answer)
        finally:
            self._metrics.in_flight -= 1
            self._tell(scope, answer, self._clock.now() - started_s)

    async def _run(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        """Run the application; a failure that reaches us before the answer began becomes a problem."""
        try:
            await self._app(scope, receive, answer.send)
        except asyncio.CancelledError:
            # Only the server cancels a request, when it stops and its patience is over. This task ends here either
            # way; ending it with an answer tells the client to come back instead of cutting the line.
            if answer.status:
                raise
            response = problem(503, detail="the service is stopping", instance=scope["path"], retry_after_s=1)
            await response(scope, receive, answer.send)
        except Exception as exc:
            error = {"request_id": answer.request_id, "error": repr(exc), "traceback": traceback.format_exc()}
            self._log.line("error", event="unhandled", **error)
            if answer.status:
                raise
            response = problem(500, detail="the service met an error of its own", instance=scope["path"])
            await response(scope, receive, answer.send)

    def _tell(self, scope: Scope, answer: "_Answer", duration_s: float) -> None:
        # The route, never the path: a path with a SKU in it would make a time series a product.
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        key, wall_s = (method, route, answer.status), self._clock.wall()
        self._metrics.answered(key, duration_s, request_id=answer.request_id, wall_s=wall_s)
        level = "warning" if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "info"
        detail = scope.get(DETAIL)
        if detail is None:
            self._log.request(level, key, request_id=answer.request_id, duration_s=duration_s, wall_s=wall_s)
            return
        self._log.line(
            level,
            method=method,
            route=route,
            status=answer.status,
            request_id=answer.request_id,
            duration_ms=round(duration_s * 1000, 2),
            detail=detail,
        )


class _Answer:
    """Sends on what the application answers, and remembers its status; 0 means that nothing was sent."""

    def __init__(self, send: Send, id_: str) -> None:
        self._send = send
        self.request_id = id_
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (_HEADER, self.request_id.encode())]
        await self._send(message)


def _id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the caller's id where it is harmless to log, else nothing."""
    for name, value in headers:
        if name == _HEADER and _ACCEPTABLE.fullmatch(value):
            return str(value, "ascii")
    return ""
