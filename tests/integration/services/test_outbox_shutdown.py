"""SIGTERM to a real process of orders whose broker is silent or nobody: it starts without, and goes in time."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import asyncpg
import pytest

from tests.ports import free_port

pytestmark = pytest.mark.integration

# A process is gone 0.5 s after SIGTERM on a quiet machine; the library alone would wait 40 s for the broker.
GONE_WITHIN_S = 5.0
SETTINGS = {
    "UVICORN_HOST": "127.0.0.1",
    "UVICORN_LOG_LEVEL": "warning",
    "UVICORN_ACCESS_LOG": "false",
    "LAB_ARM": "test-arm",
    "INVENTORY_URL": "http://127.0.0.1:9",
    "PAYMENTS_URL": "http://127.0.0.1:9",
    "ORDERS_EVENTS": "on",
}


@pytest.fixture(params=["silent", "nobody"])
def broker_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The kernel accepts for a listener that never does: a broker that is there and says nothing."""
    if request.param == "nobody":
        yield f"kafka://127.0.0.1:{free_port()}"
        return
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(256)
        yield f"kafka://127.0.0.1:{silent.getsockname()[1]}"


async def is_up(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/healthz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


@pytest.mark.parametrize("profile", ["naive", "protected"])
async def test_orders_starts_and_goes_without_its_broker(
    database: str, broker_url: str, profile: str, eventually: Any
) -> None:
    """With an event to publish, which is still there afterwards."""
    port = free_port()
    own = {"UVICORN_PORT": str(port), "LAB_PROFILE": profile, "DATABASE_URL": database, "KAFKA_URL": broker_url}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "uvicorn", "--factory", "services.orders.app:main",
        env={**os.environ, **SETTINGS, **own},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        await eventually(lambda: is_up(f"http://127.0.0.1:{port}"), within_s=60)
        connection = await asyncpg.connect(database)
        await connection.execute(
            "INSERT INTO orders.outbox (event_id, order_id, payload)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), '{}')"
        )
        await asyncio.sleep(1)

        process.send_signal(signal.SIGTERM)
        began = time.perf_counter()
        async with asyncio.timeout(30):
            _, err = await process.communicate()
        took_s = time.perf_counter() - began
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()

    assert took_s < GONE_WITHIN_S
    assert process.returncode == -signal.SIGTERM
    assert err == b""
    assert await connection.fetchval("SELECT count(*) FROM orders.outbox WHERE published_at IS NULL") == 1
    await connection.close()
