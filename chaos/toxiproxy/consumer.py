"""How toxiproxy-python reaches a server, because its own way has faults that a lab cannot live with.

- the address is class-level state, so a second server in one process redirects the first;
- a request has no timeout;
- HTTP_PROXY of the environment is obeyed, for loopback too;
- an answer of 500 is no error (the caller meets a KeyError later).

The package sends everything through one class, APIConsumer, which its modules look up by name. `Consumer` takes that
place and sends to the server that the calling thread has in hand; where there is none, the package works as ever.
"""

import json
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

import requests
import toxiproxy.proxy
import toxiproxy.server
from toxiproxy.api import APIConsumer, validate_response
from toxiproxy.exceptions import NotFound

T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """One server: `http://host:port` without a final slash, and the bound of connecting and of each read."""

    url: str
    timeout_s: float


class ServerError(Exception):
    """The server answered with a 5xx status; the argument is the body."""


_target: ContextVar[Target] = ContextVar("toxiproxy_target")


def sending_to(target: Target, work: Callable[[], T]) -> T:
    """Run `work`, which uses toxiproxy-python, against one server. Other threads are not affected."""
    toxiproxy.server.APIConsumer = toxiproxy.proxy.APIConsumer = Consumer
    token = _target.set(target)
    try:
        return work()
    finally:
        _target.reset(token)


class Consumer(APIConsumer):  # type: ignore[misc]  # the package has no types
    """The package's APIConsumer, with a server per call, timeouts, and errors that are errors."""

    @classmethod
    def get(cls, url: str, params: Any = None, **kwargs: Any) -> Any:
        """Send a GET; `url` is a path."""
        if _target.get(None) is None:
            return super().get(url, params=params, **kwargs)
        return _send("GET", url, params=params, **kwargs)

    @classmethod
    def post(cls, url: str, data: Any = None, json: Any = None, **kwargs: Any) -> Any:
        """Send a POST; `url` is a path."""
        if _target.get(None) is None:
            return super().post(url, data=data, json=json, **kwargs)
        return _send("POST", url, data=data, json=json, **kwargs)

    @classmethod
    def delete(cls, url: str, **kwargs: Any) -> Any:
        """Send a DELETE; `url` is a path."""
        if _target.get(None) is None:
            return super().delete(url, **kwargs)
        return _send("DELETE", url, **kwargs)


def _send(method: str, path: str, **kwargs: Any) -> Any:
    target = _target.get()
    with requests.Session() as session:
        session.trust_env = False
        response = session.request(method, target.url + path, timeout=target.timeout_s, **kwargs)
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ServerError(response.content)
    return validate_response(response)


def extensions() -> frozenset[str]:
    """Return what the server can do beyond Toxiproxy; the original has no such page, so nothing."""
    try:
        listed = Consumer.get("/extensions").json()
    except NotFound:
        return frozenset()
    return frozenset([*listed["fields"], *listed["toxics"]])


def reason(error: Exception) -> str:
    """Return the server's message; the package's exceptions carry the body as bytes."""
    try:
        return str(json.loads(error.args[0])["error"])
    except (LookupError, TypeError, ValueError):
        return f"{type(error).__name__} {error.args!r}"
