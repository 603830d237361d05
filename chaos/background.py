"""`lab up`: a lab that stays, held by a process of its own in the background.

That process is an ordinary lab (`lab up --foreground`): the same engine, state file and end by SIGTERM. Only its start
is different: it is waited for, and its output goes to .lab/up.log.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from chaos.engines.local import LocalEngine
from chaos.engines.processes import last_lines
from chaos.engines.starting import START_TIMEOUT_S
from chaos.engines.state import LAB_FOLDER, LabState, live_lab
from chaos.engines.topology import arm_environment, load_topology
from chaos.errors import LabAlreadyUp, StartFailed
from chaos.scenario import Arm
from resilience.clock import SystemClock

POLL_S = 0.1
LOG = Path(LAB_FOLDER, "up.log")
LOGS = Path(LAB_FOLDER, "logs")


async def hold(root: Path, arms: Sequence[Arm], say: Callable[[str], None]) -> None:
    """Start the shop and keep it until cancelled; raises LabError, also when a process of it ends by itself."""
    topology = load_topology(root / "compose.yaml", {**os.environ, **arm_environment(arms)}, [arm.name for arm in arms])
    async with LocalEngine(root, topology, arms, root / LOGS, say) as lab:
        await lab.watch()


async def start(root: Path, arms: str) -> LabState:
    """Start `lab up --foreground` in the background and return its state once it is ready.

    Raises LabAlreadyUp, and StartFailed with the last lines of its log where it ends or is not ready in time.
    """
    if (up := live_lab(root)) is not None:
        raise LabAlreadyUp(f"a lab is up in {root} (pid {up.pid}): `lab down` ends it")
    clock = SystemClock()
    (root / LAB_FOLDER).mkdir(exist_ok=True)
    with (root / LOG).open("wb") as log:
        # A session of its own: the shell's Ctrl-C and the terminal's end are not its end.
        process = subprocess.Popen(  # noqa: S603, ASYNC220 - ourselves; forking takes a moment once
            [sys.executable, "-m", "chaos", "--root", str(root), "up", "--foreground", "--arms", arms],
            cwd=root, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    deadline = clock.now() + START_TIMEOUT_S
    try:
        while process.poll() is None and clock.now() < deadline:
            state = live_lab(root)
            if state is not None and state.ready and state.pid == process.pid:
                return state
            await clock.sleep(POLL_S)
    except asyncio.CancelledError:
        process.terminate()
        raise
    process.terminate()
    lines = "".join(f"\n  {line}" for line in last_lines(root / LOG))
    raise StartFailed(f"the lab did not come up{lines}")
