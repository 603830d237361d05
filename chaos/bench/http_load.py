"""A load that costs the machine little: a few open connections, each asking again as soon as it is answered.

Closed on purpose: the question is how much a service can do, not how it does under arrivals (that is loadtests/).
"""

import asyncio
from collections.abc import Iterator
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


async def rate(port: int, pid: int, requests: Iterator[bytes]) -> Rate:
    """Ask the server on `port`, whose process is `pid`, for ROUND_S seconds; raises ConnectionError on a bad answer."""
    clock = SystemClock()
    server = psutil.Process(pid)
    began, used = clock.now(), _cpu_s(server)
    async with asyncio.timeout(ROUND_S + PATIENCE_S), asyncio.TaskGroup() as group:
        tasks = [group.create_task(_ask(port, requests, clock, began + ROUND_S)) for _ in range(CONNECTIONS)]
    answers = sum(task.result() for task in tasks)
    return Rate(answers / (clock.now() - began), answers / (_cpu_s(server) - used))


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


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
