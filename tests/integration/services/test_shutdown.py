"""SIGTERM to real processes: whatever hangs, they go, and they go quietly."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from services.common.sse import HEARTBEAT
from tests.integration.services.brokers import Broker
from tests.integration.services.serving import NOBODY_THERE
from tests.ports import free_port

pytestmark = pytest.mark.integration

HANGING = 500
LISTENING = 200
# A process is gone 1.5 s after SIGTERM on a quiet machine; without its bounds it would stay for ever.
GONE_WITHIN_S = 5.0


Start = Callable[..., Awaitable[tuple[asyncio.subprocess.Process, str]]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Return a function that starts a service as compose.yaml does, and returns its process and URL."""
    processes: list[asyncio.subprocess.Process] = []

    async def run(service: str, **env: str) -> tuple[asyncio.subprocess.Process, str]:
        port = free_port()
        fixed = {
            "UVICORN_HOST": "127.0.0.1",
            "UVICORN_PORT": str(port),
            "UVICORN_LOG_LEVEL": "warning",
            "UVICORN_ACCESS_LOG": "false",
            "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "1",
            "LAB_ARM": "test-arm",
            "LAB_PROFILE": "naive",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "uvicorn", "--factory", f"services.{service}.app:main",
            env={**os.environ, **fixed, **env},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        processes.append(process)
        async with asyncio.timeout(60):
            while process.returncode is None:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    break
        return process, f"http://127.0.0.1:{port}"

    yield run
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def all_hang(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(f"{url}/metrics") as response:
        text = await response.text()
    (line,) = [line for line in text.splitlines() if line.startswith("http_server_in_flight{")]
    return float(line.split()[1]) == HANGING


async def hang(session: aiohttp.ClientSession, url: str, number: int) -> int:
    headers = {"Idempotency-Key": f"key-{number}"}
    async with session.post(url, json={"sku": "sku-0001", "quantity": 1}, headers=headers) as response:
        return response.status


async def terminate_with_hanging_requests(
    process: asyncio.subprocess.Process, url: str, path: str, eventually: Any
) -> list[Any]:
    """Send requests that hang, then SIGTERM; return how the requests ended. Asserts a quiet end in time."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        requests = [asyncio.create_task(hang(session, url + path, number)) for number in range(HANGING)]
        await eventually(lambda: all_hang(session, url))
        process.send_signal(signal.SIGTERM)
        started = time.perf_counter()
        async with asyncio.timeout(30):
            out, err = await process.communicate()
        took_s = time.perf_counter() - started
        ends = await asyncio.gather(*requests, return_exceptions=True)
    assert process.returncode == -signal.SIGTERM
    assert took_s < GONE_WITHIN_S
    assert b"Traceback" not in err
    assert all(json.loads(line)["service"] for line in out.splitlines())
    return ends


async def test_orders_goes_with_its_database_silent(
    start: Start, database: str, servers: Any, wire: Any, eventually: Any
) -> None:
    """500 requests that wait for a black-holed database do not keep the process from ending in time."""
    line = await wire(servers.postgres)
    url = database.replace(f":{servers.postgres}/", f":{line.port}/")
    nobody = "http://127.0.0.1:9"
    process, address = await start("orders", DATABASE_URL=url, INVENTORY_URL=nobody, PAYMENTS_URL=nobody)
    line.silent = True

    ends = await terminate_with_hanging_requests(process, address, "/orders", eventually)

    # Those that waited for a connection are told to come back; those that held one may have been cut.
    assert ends.count(503) >= HANGING - 10


async def test_the_gateway_goes_with_its_services_silent(start: Start, eventually: Any) -> None:
    """The gateway likewise, with requests hanging in calls and waiting for its session's 100 connections."""
    # The kernel accepts for a listener that never does: a service that is there and says nothing.
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(256)
        nobody = f"http://127.0.0.1:{silent.getsockname()[1]}"
        behind = dict.fromkeys(("ORDERS_URL", "INVENTORY_URL", "NOTIFICATIONS_URL", "CATALOG_URL"), nobody)
        process, address = await start("gateway", **behind)

        ends = await terminate_with_hanging_requests(process, address, "/checkout", eventually)

    assert ends == [503] * HANGING


async def test_the_gateway_goes_with_customers_listening(start: Start, database: str, tansu_broker: Broker) -> None:
    """Each stream ends as one that is over, so that its customer comes back with their last id; nobody is cut."""
    behind, notifications = await start("notifications", DATABASE_URL=database, KAFKA_URL=tansu_broker.url)
    urls = dict.fromkeys(("ORDERS_URL", "INVENTORY_URL", "CATALOG_URL"), NOBODY_THERE)
    process, url = await start("gateway", NOTIFICATIONS_URL=notifications, **urls)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        streams = [
            await session.get(f"{url}/customers/customer-{number}/notifications/stream") for number in range(LISTENING)
        ]
        assert {stream.status for stream in streams} == {200}
        process.send_signal(signal.SIGTERM)
        # aiohttp raises where a body does not end as HTTP says.
        bodies = await asyncio.gather(*(stream.read() for stream in streams))
        async with asyncio.timeout(GONE_WITHIN_S):
            _, err = await process.communicate()

    assert set(bodies) == {HEARTBEAT}
    # The server's own word on how many it cancelled.
    assert len(err.splitlines()) == 1, err
    assert behind.returncode is None


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"BANK_LATENCY_MS": "soon", "BANK_SLOTS": "8"}, "BANK_LATENCY_MS='soon'"),
        ({"BANK_LATENCY_MS": "100"}, "BANK_SLOTS is not set"),
    ],
)
async def test_a_bad_setting_ends_the_start_by_name(start: Start, env: dict[str, str], message: str) -> None:
    """A process that cannot have been meant does not start, and says why in one line."""
    process, _ = await start("bank", **env)

    _, err = await process.communicate()

    assert process.returncode == 1
    assert err.decode().startswith(f"settings: {message}")
    assert "Traceback" not in err.decode()
