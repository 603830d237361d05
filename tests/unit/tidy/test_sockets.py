"""The guard of tests/unit/conftest.py stands."""

import asyncio
import socket

import pytest


def test_a_unit_test_that_opens_a_socket_fails() -> None:
    with pytest.raises(AssertionError, match="opened a socket"):
        socket.create_server(("127.0.0.1", 0))


async def test_a_unit_test_that_connects_on_its_event_loop_fails() -> None:
    with pytest.raises(AssertionError, match="opened a socket"):
        await asyncio.open_connection("127.0.0.1", 9)
