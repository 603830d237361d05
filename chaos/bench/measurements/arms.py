"""What protection costs a shop in which nothing is wrong: the same requests through two arms, by processor time.

The whole shop runs as in a scenario, behind its proxies. Counted are the services under a profile; the bank has none.
Two equal arms differ by some percent by their place alone (memory, processor), so both places are measured.
"""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from chaos.bench.http_load import rate, shopping
from chaos.bench.measurement import Measurement
from chaos.engines.local import LocalEngine, RunningLab
from chaos.engines.topology import arm_environment, load_topology
from chaos.scenario import Arm

ARMS = ("naive", "protected")
# Short and many: a machine that is shared is now quick and now slow, and either arm should have its share of both.
ROUND_S = 0.5
ROUNDS = 24
WARM_UP_S = 3.0


def measure() -> list[Measurement]:
    """Measure `protected` in turns with `naive`, once in either place."""
    spent = {arm: [0.0, 0.0] for arm in ARMS}
    for arms in (ARMS, ARMS[::-1]):
        asyncio.run(_add_rounds(arms, spent))
    naive, protected = (answers / cpu_s for answers, cpu_s in (spent[arm] for arm in ARMS))
    return [Measurement("requests a CPU-second of a protected shop, beside naive", protected, "1/CPU-s", naive)]


async def _add_rounds(names: Sequence[str], spent: dict[str, list[float]]) -> None:
    """Start the shop with arms in this order; add each arm's answers and processor seconds to `spent`."""
    root = Path.cwd()
    arms = [Arm(name=name, profile=name) for name in names]
    topology = load_topology(root / "compose.yaml", {**os.environ, **arm_environment(arms)}, names)
    with tempfile.TemporaryDirectory() as logs:
        async with LocalEngine(root, topology, arms, Path(logs), lambda _line: None) as lab:
            customers = {arm: shopping(arm) for arm in names}
            for arm in names:
                await rate(*_door_and_pids(lab, arm), customers[arm], round_s=WARM_UP_S)
            for number in range(ROUNDS):
                # Who comes second finds the other's work in the caches: they take turns in that, too.
                for arm in names if number % 2 else names[::-1]:
                    measured = await rate(*_door_and_pids(lab, arm), customers[arm], round_s=ROUND_S)
                    spent[arm][0] += measured.per_s
                    spent[arm][1] += measured.per_s / measured.per_cpu_s


def _door_and_pids(lab: RunningLab, arm: str) -> tuple[int, list[int]]:
    """Return the port of the arm's gateway, and the processes that its profile governs."""
    port = urlsplit(lab.service_url(arm, "gateway")).port
    if port is None:
        raise ValueError("a gateway without a port")
    return port, [one.pid for one in lab.services if one.arm == arm and one.service != "bank"]
