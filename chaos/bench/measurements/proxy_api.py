"""How long the embedded proxy's API takes to answer while it carries data: a heal must not wait for the load."""

import asyncio
import contextlib

from chaos.bench.measurement import Measurement
from chaos.bench.proxied import Ways, ways_to_a_peer
from resilience.clock import SystemClock

CONNECTIONS = 200
MESSAGE = bytes(1_024)
# Each connection sends this often; together 4,000 messages a second, 8 MB/s both ways.
APART_S = 0.05
ASKED = 200
PATIENCE_S = 30.0
REQUEST = b"GET /proxies HTTP/1.1\r\nHost: bench\r\n\r\n"


def measure() -> list[Measurement]:
    """Measure the 99th percentile of GET /proxies with and without CONNECTIONS busy connections."""
    with ways_to_a_peer() as ways:
        idle_ms, busy_ms = asyncio.run(both(ways))
    name = f"p99 of the API's answers while {CONNECTIONS} connections move data, beside none"
    return [Measurement(name, busy_ms, "ms", idle_ms)]


async def both(ways: Ways) -> tuple[float, float]:
    """Return the 99th percentile without and with the load, in ms."""
    async with asyncio.timeout(PATIENCE_S):
        idle_ms = await api_p99_ms(ways.api)
        load = [asyncio.create_task(talk(ways.echo_proxied)) for _ in range(CONNECTIONS)]
        try:
            await SystemClock().sleep(0.5)
            busy_ms = await api_p99_ms(ways.api)
        finally:
            for task in load:
                task.cancel()
            await asyncio.gather(*load, return_exceptions=True)
    return idle_ms, busy_ms


async def talk(port: int) -> None:
    """Send and take back messages until cancelled."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    clock = SystemClock()
    try:
        while True:
            writer.write(MESSAGE)
            await reader.readexactly(len(MESSAGE))
            await clock.sleep(APART_S)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def api_p99_ms(port: int) -> float:
    """Return the 99th percentile of ASKED answers, in ms, on one connection."""
    clock = SystemClock()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took_ms: list[float] = []
    for _ in range(ASKED):
        began = clock.now()
        writer.write(REQUEST)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(size)
        took_ms.append((clock.now() - began) * 1_000)
    writer.close()
    return sorted(took_ms)[int(0.99 * (ASKED - 1))]
