"""What our one middleware costs a request: log line, metrics and request id, beside the same app without."""

import asyncio
from collections.abc import Iterator
from itertools import repeat
from statistics import median

from chaos.bench.children import free_port, python_child
from chaos.bench.http_load import Rate, rate
from chaos.bench.measurement import ROUNDS, Measurement

UVICORN = {"UVICORN_LOG_LEVEL": "warning", "UVICORN_ACCESS_LOG": "false"}
APPS = ("services.common.bare:observed", "services.common.bare:bare")
REQUEST = b"GET /nothing HTTP/1.1\r\nhost: bench\r\n\r\n"


def measure() -> list[Measurement]:
    """Ask both apps in turns and compare requests per second of their processor time."""
    ports = free_port(), free_port()
    argv = [["-m", "uvicorn", "--factory", app] for app in APPS]
    env = [{**UVICORN, "UVICORN_PORT": str(port)} for port in ports]
    with (
        python_child(argv[0], port=ports[0], env=env[0]) as observed_pid,
        python_child(argv[1], port=ports[1], env=env[1]) as bare_pid,
    ):
        pairs = asyncio.run(_rounds((ports[0], [observed_pid]), (ports[1], [bare_pid])))
    return [
        Measurement(
            "requests a CPU-second with log, metrics and request id, beside without",
            median(one.per_cpu_s for one, _ in pairs),
            "1/CPU-s",
            median(other.per_cpu_s for _, other in pairs),
        )
    ]


async def _rounds(observed: tuple[int, list[int]], bare: tuple[int, list[int]]) -> list[tuple[Rate, Rate]]:
    """Ask both in turns; the first round of each warms up and does not count."""
    return [(await rate(*observed, _requests()), await rate(*bare, _requests())) for _ in range(1 + ROUNDS)][1:]


def _requests() -> Iterator[bytes]:
    return repeat(REQUEST)
