"""What one service can do, and what ours adds to FastAPI: log line, metrics, request id, the bank's own work."""

import asyncio
from statistics import median

from chaos.bench.children import free_port, python_child
from chaos.bench.http_load import Rate, charges, rate
from chaos.bench.measurement import ROUNDS, Measurement

UVICORN = {"UVICORN_LOG_LEVEL": "warning", "UVICORN_ACCESS_LOG": "false"}
BANK = {"LAB_ARM": "bench", "LAB_PROFILE": "protected", "BANK_LATENCY_MS": "0", "BANK_SLOTS": "64"}


def measure() -> list[Measurement]:
    """Measure the bank, which has no dependency and here no latency, in turns with a bare FastAPI app."""
    bank_port, bare_port = free_port(), free_port()
    with (
        python_child(
            ["-m", "uvicorn", "--factory", "services.bank.app:main"],
            port=bank_port,
            env={**UVICORN, **BANK, "UVICORN_PORT": str(bank_port)},
        ) as bank_pid,
        python_child(
            ["-m", "uvicorn", "--factory", "chaos.bench.bare:create_app"],
            port=bare_port,
            env={**UVICORN, "UVICORN_PORT": str(bare_port)},
        ) as bare_pid,
    ):
        bank, bare = asyncio.run(_rounds((bank_port, [bank_pid]), (bare_port, [bare_pid])))
    return [
        Measurement(
            "charges a second at the bank, beside a bare FastAPI app",
            median(one.per_s for one in bank),
            "1/s",
            median(one.per_s for one in bare),
        ),
        Measurement(
            "charges a CPU-second of the bank, beside a bare FastAPI app",
            median(one.per_cpu_s for one in bank),
            "1/CPU-s",
            median(one.per_cpu_s for one in bare),
        ),
    ]


async def _rounds(bank: tuple[int, list[int]], bare: tuple[int, list[int]]) -> tuple[list[Rate], list[Rate]]:
    """Ask both in turns; the first round of each warms up and does not count."""
    requests = charges("bench")
    pairs = [(await rate(*bank, requests), await rate(*bare, requests)) for _ in range(1 + ROUNDS)][1:]
    return [one for one, _ in pairs], [other for _, other in pairs]
