"""Every error that the API answers with, and its status, in one table: an HTTP client branches on these."""

from enum import Enum
from http import HTTPStatus
from typing import Any


class Problem(Enum):
    """What can be wrong with a request. The texts are the original's; an address says its own."""

    BAD_BODY = (HTTPStatus.BAD_REQUEST, "bad request body")
    MISSING_FIELD = (HTTPStatus.BAD_REQUEST, "missing required field")
    INVALID_STREAM = (HTTPStatus.BAD_REQUEST, "stream was invalid, can be either upstream or downstream")
    INVALID_TOXIC_TYPE = (HTTPStatus.BAD_REQUEST, "invalid toxic type")
    PROXY_NOT_FOUND = (HTTPStatus.NOT_FOUND, "proxy not found")
    TOXIC_NOT_FOUND = (HTTPStatus.NOT_FOUND, "toxic not found")
    PROXY_EXISTS = (HTTPStatus.CONFLICT, "proxy already exists")
    TOXIC_EXISTS = (HTTPStatus.CONFLICT, "toxic already exists")
    # A listen address that cannot be read, resolved or bound.
    ADDRESS = (HTTPStatus.INTERNAL_SERVER_ERROR, "")


class ApiError(Exception):
    """An answer to the client: a problem of the table and what more there is to say."""

    def __init__(self, problem: Problem, detail: str = "") -> None:
        self.problem = problem
        self.status, message = problem.value
        super().__init__(": ".join(part for part in (message, detail) if part))

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the answer, keys in the order of the original."""
        return {"error": str(self), "status": int(self.status)}


def bad_body(detail: str) -> ApiError:
    """Return the error of a body that cannot be used."""
    return ApiError(Problem.BAD_BODY, detail)


def bad_address(detail: str) -> ApiError:
    """Return the error of an address that cannot be used."""
    return ApiError(Problem.ADDRESS, detail)
