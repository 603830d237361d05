"""A load that costs the machine little: a few open connections, each asking again as soon as it is answered.

Closed on purpose: the question is how much a service can do, not how it does under arrivals (that is loadtests/).
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import psutil

from resilience.clock import SystemClock

CONNECTIONS = 8
ROUND_S = 0.7
PATIENCE_S = 5.0


@dataclass(frozen=True)
class Rate:
    """Answers of one round, by the wall clock and by the processor time of the server."""

    per_s: float
    per_cpu_s: float


def charges(prefix: str) -> Iterator[bytes]:
    """Yield requests for the bank, each charge another one."""
    for number in count():
        body = b'{"order_id":"%s-%d","amount_cents":100}' % (prefix.encode(), number)
        yield (
            b"POST /charges HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            b"idempotency-key: %s-%d\r\ncontent-length: %d\r\n\r\n" % (prefix.encode(), number, len(body)) + body
        )


def shopping(prefix: str) -> Iterator[bytes]:
    """Yield requests for a gateway: two looks at the stock of a product, then a checkout, each under its own key."""
    for number in count():
        sku = b"sku-%04d" % (1 + number % 200)
        if number % 3:
            yield b"GET /products/%s/stock HTTP/1.1\r\nhost: bench\r\n\r\n" % sku
            continue
        body = b'{"sku":"%s","quantity":1}' % sku
        yield (
            b"POST /checkout HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            b"idempotency-key: %s-%d\r\ncontent-length: %d\r\n\r\n" % (prefix.encode(), number, len(body)) + body
        )


async def rate(port: int, pids: Sequence[int], requests: Iterator[bytes], *, round_s: float = ROUND_S) -> Rate:
    """Ask the server on `port` for `round_s` seconds; `pids` are the processes whose time it costs.

    Raises ConnectionError on a bad answer.
    """
    clock = SystemClock()
    servers = [psutil.Process(pid) for pid in pids]
    began, used = clock.now(), _cpu_s(servers)
    async with asyncio.timeout(round_s + PATIENCE_S), asyncio.TaskGroup() as group:
        tasks = [group.create_task(_ask(port, requests, clock, began + round_s)) for _ in range(CONNECTIONS)]
    answers = sum(task.result() for task in tasks)
    return Rate(answers / (clock.now() - began), answers / (_cpu_s(servers) - used))


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(one.user + one.system for one in times)


async def _ask(port: int, requests: Iterator[bytes], clock: SystemClock, until: float) -> int:
    """Return how many answers one connection got."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = 0
    try:
        while clock.now() < until:
            writer.write(next(requests))
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if not head.startswith(b"http/1.1 2"):
                raise ConnectionError(f"the server on port {port} answered {head[9:12].decode()}")
            await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
            answers += 1
    finally:
        writer.close()
    return answers
