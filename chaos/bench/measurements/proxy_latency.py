"""How exactly the embedded proxy keeps an injected latency, and whether messages keep their order and distance."""

import asyncio
import json
import urllib.request

from chaos.bench.measurement import Measurement
from chaos.bench.proxied import ways_to_a_peer
from resilience.clock import Clock, SystemClock

LATENCY_MS = 100
MESSAGES = 200
APART_S = 0.01
MESSAGE_BYTES = 4
PATIENCE_S = 10.0


def measure() -> list[Measurement]:
    """Measure what MESSAGES messages, sent APART_S apart, took through a latency of LATENCY_MS."""
    with ways_to_a_peer() as ways:
        toxic = {"type": "latency", "attributes": {"latency": LATENCY_MS}}
        url = f"http://127.0.0.1:{ways.api}/proxies/echo/toxics"
        with urllib.request.urlopen(url, data=json.dumps(toxic).encode(), timeout=PATIENCE_S):
            pass
        took_ms = sorted(asyncio.run(delays_ms(ways.echo_proxied, SystemClock())))
    asked = f"of {MESSAGES} messages 10 ms apart through a latency of {LATENCY_MS} ms, beside what was asked for"
    return [
        Measurement(f"{name} {asked}", took_ms[int(share * (len(took_ms) - 1))], "ms", LATENCY_MS)
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]


async def delays_ms(port: int, clock: Clock) -> list[float]:
    """Return how long each message took to come back. Raises ValueError where the order was not kept."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent: list[float] = []

        async def send() -> None:
            for number in range(MESSAGES):
                sent.append(clock.now())
                writer.write(number.to_bytes(MESSAGE_BYTES, "big"))
                await clock.sleep(APART_S)

        sending = asyncio.create_task(send())
        took: list[float] = []
        for number in range(MESSAGES):
            if int.from_bytes(await reader.readexactly(MESSAGE_BYTES), "big") != number:
                raise ValueError(f"message {number} did not come in its turn")
            took.append((clock.now() - sent[number]) * 1_000)
        await sending
        writer.close()
        return took
