"""Errors as RFC 9457 problem details: one shape for every service, so that a caller can tell refused from failed."""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from resilience import AttemptTimeout, Rejected
from services.common.errors import (
    DependencyBrokenError,
    DependencyDownError,
    DependencyError,
    DependencyRefusedError,
    DependencyTimeoutError,
)

MEDIA_TYPE = "application/problem+json"
# How long a client should stay away when nobody knows better: about as long as a breaker stays open.
DEFAULT_RETRY_AFTER_S = 1.0
# Key of the ASGI scope under which the middleware finds what a client was told.
DETAIL = "problem_detail"
_URN = "urn:shop:problem:"
# A service without its own database can do nothing for anybody: its silence is told like its absence, come back later.
_DATABASE_LINKS = ("_to_postgres", "_to_mysql")


class ProblemError(Exception):
    """Raised by routes to answer with a problem. `kind` is the last part of its type URN."""

    def __init__(self, status: int, kind: str, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.retry_after_s = retry_after_s


def problem(
    status: int,
    *,
    detail: str,
    instance: str,
    kind: str | None = None,
    retry_after_s: float | None = None,
    extra: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """Return a problem response. A problem with a `kind` has a type of its own; without one the status says it all.

    Retry-After is in whole seconds, rounded up, at least 1: RFC 9110 knows no fractions, and 0 would invite a hot loop.
    """
    title = kind.replace("-", " ").capitalize() if kind else HTTPStatus(status).phrase
    body = {
        "type": _URN + kind if kind else "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        **(extra or {}),
    }
    headers = {} if retry_after_s is None else {"retry-after": str(max(1, math.ceil(retry_after_s)))}
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def kind_of(body: Mapping[str, Any]) -> str | None:
    """Return the kind of a problem that another service answered with, or None."""
    uri = body.get("type")
    return uri.removeprefix(_URN) if isinstance(uri, str) and uri.startswith(_URN) else None


def _tell(
    request: Request,
    status: int,
    detail: str,
    *,
    kind: str | None = None,
    retry_after_s: float | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """Answer with a problem, and leave its detail for the log line: there it says why, not only what."""
    request.scope[DETAIL] = detail
    return problem(
        status, detail=detail, instance=request.url.path, kind=kind, retry_after_s=retry_after_s, extra=extra
    )


async def _come_back(request: Request, exc: Exception) -> Response:
    wait_s = getattr(exc, "retry_after_s", None)
    return _tell(request, 503, str(exc), retry_after_s=DEFAULT_RETRY_AFTER_S if wait_s is None else wait_s)


async def _timed_out(request: Request, exc: Exception) -> Response:
    if isinstance(exc, AttemptTimeout) and exc.link.endswith(_DATABASE_LINKS):
        return await _come_back(request, exc)
    return _tell(request, 504, str(exc))


async def _broken(request: Request, exc: Exception) -> Response:
    return _tell(request, 502, str(exc))


async def _raised_by_route(request: Request, exc: Exception) -> Response:
    if not isinstance(exc, ProblemError):
        raise exc
    return _tell(request, exc.status, exc.detail, kind=exc.kind, retry_after_s=exc.retry_after_s)


async def _http(request: Request, exc: Exception) -> Response:
    """Answer what the framework itself refuses: an unknown path, a wrong method."""
    if not isinstance(exc, HTTPException):
        raise exc
    response = _tell(request, exc.status_code, str(exc.detail))
    response.headers.update(exc.headers or {})
    return response


async def _invalid(request: Request, exc: Exception) -> Response:
    if not isinstance(exc, RequestValidationError):
        raise exc
    errors = [{"field": ".".join(map(str, error["loc"])), "message": error["msg"]} for error in exc.errors()]
    detail = "; ".join(f"{error['field']}: {error['message']}" for error in errors)
    return _tell(request, 422, detail, extra={"errors": errors})


def install(app: FastAPI) -> None:
    """Register the handlers. What none of them knows becomes a 500 problem in the middleware."""
    app.add_exception_handler(Rejected, _come_back)
    app.add_exception_handler(DependencyRefusedError, _come_back)
    app.add_exception_handler(DependencyDownError, _come_back)
    app.add_exception_handler(AttemptTimeout, _timed_out)
    app.add_exception_handler(DependencyTimeoutError, _timed_out)
    app.add_exception_handler(DependencyBrokenError, _broken)
    app.add_exception_handler(DependencyError, _broken)
    app.add_exception_handler(ProblemError, _raised_by_route)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
