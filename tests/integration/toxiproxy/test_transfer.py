"""Toxics come and go under a transfer without costing it a byte."""

import asyncio
import hashlib
import random
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.integration

SIZE = 4_000_000
BOUND_S = 60.0


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
async def test_four_megabytes_survive_toxics_coming_and_going(
    http: httpx.AsyncClient, echo_line: Any, toxiproxy_server: Any, stream: str
) -> None:
    """4 MB come back identical while latency and bandwidth are added, updated and removed all the time."""
    data = random.Random(7).randbytes(SIZE)  # noqa: S311 - data, no secret
    reader, writer = await echo_line.connect()
    rounds = 0

    async def churn() -> None:
        nonlocal rounds
        base = "/proxies/echo/toxics"
        while True:
            await http.post(base, json={"type": "latency", "stream": stream, "attributes": {"latency": 5, "jitter": 3}})
            await http.post(base, json={"type": "bandwidth", "stream": stream, "attributes": {"rate": 2_000}})
            await http.patch(f"{base}/latency_{stream}", json={"attributes": {"latency": 15}})
            await http.patch(f"{base}/bandwidth_{stream}", json={"attributes": {"rate": 4_000}})
            await asyncio.sleep(0.02)
            assert (await http.delete(f"{base}/latency_{stream}")).status_code == 204
            assert (await http.delete(f"{base}/bandwidth_{stream}")).status_code == 204
            rounds += 1

    async def send() -> None:
        for start in range(0, SIZE, 20_000):
            writer.write(data[start : start + 20_000])
            await writer.drain()
            await asyncio.sleep(0.001)

    churning = asyncio.create_task(churn())
    sending = asyncio.create_task(send())
    async with asyncio.timeout(BOUND_S):
        received = await reader.readexactly(SIZE)
        await sending
    assert not churning.done(), churning.exception()
    churning.cancel()
    # The original's DELETE waits while a busy link drains, so it gets through fewer rounds.
    assert rounds >= (5 if toxiproxy_server.embedded else 1)
    assert hashlib.sha256(received).digest() == hashlib.sha256(data).digest()


async def test_ten_thousand_small_messages_keep_their_order_under_churn(
    http: httpx.AsyncClient, echo_line: Any
) -> None:
    """Small chunks, many of them held at once, come out as they went in when the latency goes."""
    reader, writer = await echo_line.connect()
    data = b"".join(number.to_bytes(4, "big") for number in range(10_000))

    async def send() -> None:
        for start in range(0, len(data), 400):
            writer.write(data[start : start + 400])
            await asyncio.sleep(0.002)

    sending = asyncio.create_task(send())
    for latency_ms in (50, 500, 5):
        await http.post("/proxies/echo/toxics", json={"type": "latency", "attributes": {"latency": latency_ms}})
        await asyncio.sleep(0.05)
        await http.delete("/proxies/echo/toxics/latency_downstream")
    async with asyncio.timeout(BOUND_S):
        assert await reader.readexactly(len(data)) == data
        await sending
