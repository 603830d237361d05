"""Applications of ours on real sockets in this process, each on a port of its own."""

import asyncio
import contextlib
import io
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from fastapi import FastAPI

# The discard port, on which nobody listens here.
NOBODY_THERE = "http://127.0.0.1:9"


class InProcessServer(uvicorn.Server):
    """uvicorn without its signal handlers: this process belongs to pytest."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Running:
    """A service on a socket. `log` holds its lines."""

    url: str
    log: io.StringIO


Serve = Callable[[FastAPI], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Return a function that serves an application and returns its URL."""
    running: list[tuple[InProcessServer, asyncio.Task[None]]] = []

    async def start(app: FastAPI) -> str:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1)
        server = InProcessServer(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        running.append((server, task))
        while not server.started:
            assert not task.done(), "the service did not start"
            await asyncio.sleep(0.01)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, _ in running:
        server.should_exit = True
    await asyncio.gather(*(task for _, task in running))
