"""Calls between services: the one aiohttp session of a process, and what its answers mean.

aiohttp and not httpx, whose pool does not survive cancelled calls. One session for all destinations with the library's
default of 100 connections: that shared limit is how a slow destination starves a quick one under `naive`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp.client import DEFAULT_TIMEOUT

from resilience import Clock, LinkSettings
from resilience.deadline import deadline_header
from services.common.errors import (
    DependencyBrokenError,
    DependencyDownError,
    DependencyRefusedError,
    DependencyTimeoutError,
)
from services.common.middleware import HEADER, request_id

# 409 with Retry-After: the first request under this key is still in progress; without one, it is an answer.
_DECLINED_FOR_NOW = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CONFLICT)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer below 500: the caller decides what it means. `body` is empty where there was none."""

    status: int
    body: dict[str, Any]


class HttpSession:
    """Owns the session; open() and close() belong to the lifespan of the process."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Create the session on the running loop."""
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def to(self, dependency: str, base_url: str, limits: LinkSettings) -> "HttpPeer":
        """Return the way to one service. `dependency` names it in errors."""
        return HttpPeer(self, dependency, base_url, _timeout_of(limits))

    @property
    def client(self) -> aiohttp.ClientSession:
        """Return the open session."""
        if self._session is None:
            raise RuntimeError("the HTTP session is not open")
        return self._session


class HttpPeer:
    """One service behind one URL."""

    def __init__(
        self, session: HttpSession, dependency: str, base_url: str, timeout: aiohttp.ClientTimeout | None
    ) -> None:
        self._session = session
        self._dependency = dependency
        self._base_url = base_url
        # Not naming a timeout leaves the session's own: 300 s in all, 30 s to connect.
        self._options: dict[str, Any] = {} if timeout is None else {"timeout": timeout}

    async def send(
        self, method: str, path: str, *, body: dict[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request, with the id of the request being answered and the time left for an answer, if bounded.

        Raises DependencyDownError (no connection, so nothing was sent), DependencyTimeoutError, DependencyRefusedError
        (503, 429 or 409 with Retry-After), DependencyBrokenError (any other 5xx, a broken connection, not JSON).
        """
        sent = {**(headers or {}), HEADER: request_id.get(), **deadline_header(self._session.clock.now())}
        try:
            async with self._session.client.request(
                method, self._base_url + path, json=body, headers=sent, **self._options
            ) as response:
                text = await response.read()
                self._raise_for(response)
                return Answer(response.status, json.loads(text) if text else {})
        except aiohttp.ConnectionTimeoutError as exc:
            # A TimeoutError, but of the wait for a connection: unlike the others it is known to have had no effect.
            raise DependencyDownError(self._dependency, "no connection to it came free or up in time") from exc
        except TimeoutError as exc:
            raise DependencyTimeoutError(self._dependency, "did not answer in time") from exc
        except aiohttp.ClientConnectorError as exc:
            raise DependencyDownError(self._dependency, f"cannot be reached ({exc.os_error})") from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise DependencyBrokenError(self._dependency, f"{type(exc).__name__}: {exc}") from exc

    async def ping(self) -> None:
        """Ask the service whether its process is alive; raises DependencyError."""
        answer = await self.send("GET", "/healthz")
        if answer.status != HTTPStatus.OK:
            raise DependencyBrokenError(self._dependency, f"answered {answer.status} to its health check")

    def unexpected(self, answer: Answer) -> DependencyBrokenError:
        """Return the error for an answer that the two services' contract does not know."""
        return DependencyBrokenError(self._dependency, f"answered {answer.status}: {answer.body.get('detail', '')}")

    def _raise_for(self, response: aiohttp.ClientResponse) -> None:
        status = response.status
        wait = response.headers.get("retry-after", "")
        if status in _DECLINED_FOR_NOW and wait.isdecimal():
            raise DependencyRefusedError(self._dependency, float(wait))
        if status == HTTPStatus.GATEWAY_TIMEOUT:
            raise DependencyTimeoutError(self._dependency, "did not hear from its own dependency in time")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise DependencyBrokenError(self._dependency, f"answered {status}")


def _timeout_of(limits: LinkSettings) -> aiohttp.ClientTimeout | None:
    """Translate a link's limits into aiohttp's; None where the library's defaults stay in force."""
    total_s, acquire_s, connect_s = limits.command_timeout_s, limits.acquire_timeout_s, limits.connect_timeout_s
    if (total_s, acquire_s, connect_s) == (None, None, None):
        return None
    # `connect` counts the wait for a free connection as well, `sock_connect` the handshake alone. In this class None
    # would mean "for ever", not "the default".
    return aiohttp.ClientTimeout(
        total=DEFAULT_TIMEOUT.total if total_s is None else total_s,
        connect=acquire_s,
        sock_connect=DEFAULT_TIMEOUT.sock_connect if connect_s is None else connect_s,
    )
