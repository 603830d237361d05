"""What the services' unit tests share: an application driven without a socket, and a log that can be read."""

import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.common.kit import Kit, make_kit


class FakeUpstreams:
    """Upstreams with any ports, which note that they were opened and closed."""

    def __init__(self, **ports: Any) -> None:
        self.checks_: Mapping[str, Any] = {}
        self.events: list[str] = []
        for name, port in ports.items():
            setattr(self, name, port)

    async def open(self) -> None:
        self.events.append("open")

    async def close(self) -> None:
        self.events.append("close")

    def checks(self) -> Mapping[str, Any]:
        return self.checks_


@pytest.fixture
def upstreams() -> type[FakeUpstreams]:
    return FakeUpstreams


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def kit(log: io.StringIO) -> Kit:
    return make_kit("gateway", "test-arm", stream=log)


@pytest.fixture
def lines(log: io.StringIO, kit: Kit) -> Callable[[], list[dict[str, Any]]]:
    """Return what was logged so far, what waits to be written included."""

    def read() -> list[dict[str, Any]]:
        kit.log.flush()
        return [json.loads(line) for line in log.getvalue().splitlines()]

    return read


@pytest.fixture
async def client() -> AsyncIterator[Callable[[FastAPI], httpx.AsyncClient]]:
    """Return a function that speaks to an application in this process."""
    clients: list[httpx.AsyncClient] = []

    def speak(app: FastAPI) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        clients.append(httpx.AsyncClient(transport=transport, base_url="http://shop"))
        return clients[-1]

    yield speak
    for one in clients:
        await one.aclose()
