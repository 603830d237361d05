"""Calls between services: what the caller may conclude from a call that ran out of time."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from resilience import LinkSettings, SystemClock
from services.common.errors import DependencyDownError, DependencyTimeoutError
from services.common.http_client import HttpSession

pytestmark = pytest.mark.integration

# aiohttp's own limit of a session, which ours keeps.
CONNECTIONS = 100


@dataclass
class Mute:
    """A server that takes requests and answers none."""

    url: str
    connections: list[asyncio.StreamWriter]


@pytest.fixture
async def mute() -> AsyncIterator[Mute]:
    connections: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: connections.append(writer), "127.0.0.1", 0)
    yield Mute(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", connections)
    for connection in connections:
        connection.close()
    server.close()


@pytest.fixture
async def session() -> AsyncIterator[HttpSession]:
    opened = HttpSession(SystemClock())
    await opened.open()
    yield opened
    await opened.close()


async def test_a_call_that_got_no_connection_in_time_says_that_nothing_was_sent(
    session: HttpSession, mute: Mute, eventually: Any
) -> None:
    """Behind a hundred calls that hang, the next one is "down" (503, try again), not "nobody knows" (504)."""
    patient = session.to("bank", mute.url, LinkSettings())
    hanging = [asyncio.create_task(patient.send("POST", "/charges")) for _ in range(CONNECTIONS)]

    async def all_taken() -> bool:
        return len(mute.connections) == CONNECTIONS

    await eventually(all_taken)

    hurried = session.to("bank", mute.url, LinkSettings(acquire_timeout_s=0.05))
    with pytest.raises(DependencyDownError, match="no connection to it came free or up in time"):
        await hurried.send("POST", "/charges")

    for call in hanging:
        call.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_a_call_that_was_sent_and_not_answered_in_time_may_have_had_its_effect(
    session: HttpSession, mute: Mute
) -> None:
    """Once the request is out, running out of time stays a timeout (504)."""
    peer = session.to("bank", mute.url, LinkSettings(acquire_timeout_s=5, command_timeout_s=0.05))

    with pytest.raises(DependencyTimeoutError, match="did not answer in time"):
        await peer.send("POST", "/charges")
