"""`lab up`: a lab that stays, held by a process of its own in the background.

That process is an ordinary lab (`lab up --foreground`): the same engine, state file and end by SIGTERM. Only its start
is different: it is waited for, and its output goes to .lab/up.log.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NoReturn

from chaos.engines.choice import new_engine
from chaos.engines.compose.project import UP_WITHIN_S
from chaos.engines.leftovers import COMPOSE_STOPS_WITHIN_S, STOPS_WITHIN_S, clean_leftovers
from chaos.engines.processes import last_lines
from chaos.engines.starting import START_TIMEOUT_S
from chaos.engines.state import LAB_FOLDER, EngineName, LabState, live_lab, only_lab
from chaos.engines.waiting import until
from chaos.errors import LabAlreadyUp, StartFailed
from chaos.scenario import Arm
from chaos.scenario.parts import Part
from chaos.shield import to_the_end

POLL_S = 0.1
LOG = Path(LAB_FOLDER, "up.log")
LOGS = Path(LAB_FOLDER, "logs")


async def hold(
    root: Path, arms: Sequence[Arm], say: Callable[[str], None], engine: EngineName, needs: Collection[Part]
) -> NoReturn:
    """Start the shop and keep it until cancelled; raises LabError, also when a process of it ends by itself."""
    logs = root / LOGS
    async with new_engine(root, arms, logs, say, env=os.environ, name=engine, stays=True, needs=needs) as lab:
        await lab.watch()


async def start(root: Path, arms: str, engine: EngineName) -> LabState:
    """Start `lab up --foreground` in the background and return its state once it is ready.

    Raises LabAlreadyUp, and StartFailed with the last lines of its log where it ends or is not ready in time.
    """
    if (up := live_lab(root)) is not None:
        raise LabAlreadyUp(f"a lab is up in {root} (pid {up.pid}): `lab down` ends it")
    process = _in_background(root, arms, engine)

    def ready() -> bool:
        state = live_lab(root)
        return process.poll() is not None or (state is not None and state.ready and state.pid == process.pid)

    came_up = False
    try:
        # It has its own bound on the start, and says more about it than we could.
        starts_within_s = UP_WITHIN_S if engine == "compose" else START_TIMEOUT_S
        await until(ready, POLL_S, starts_within_s + _stops_within_s(engine))
        state = live_lab(root)
        came_up = state is not None and state.ready and state.pid == process.pid
        if state is not None and came_up:
            return state
    finally:
        if not came_up:
            await to_the_end(lambda: _end(process, root, _stops_within_s(engine)), restarts=1)
    lines = "".join(f"\n  {line}" for line in last_lines(root / LOG))
    raise StartFailed(f"the lab did not come up{lines}")


def _in_background(root: Path, arms: str, engine: EngineName) -> subprocess.Popen[bytes]:
    try:
        (root / LAB_FOLDER).mkdir(exist_ok=True)
        with (root / LOG).open("wb") as log:
            # A session of its own: the shell's Ctrl-C and the terminal's end are not its end.
            return subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "chaos", "--root", str(root), "up", "--foreground", "--arms", arms,
                 "--engine", engine],
                cwd=root, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
    except OSError as error:
        raise StartFailed(f"{error.filename}: {error.strerror}; the lab keeps its state there") from error


def _stops_within_s(engine: EngineName) -> float:
    return COMPOSE_STOPS_WITHIN_S if engine == "compose" else STOPS_WITHIN_S


async def _end(process: subprocess.Popen[bytes], root: Path, within_s: float) -> None:
    """End the lab behind `process`, politely and then not; its own children end with it."""
    process.terminate()
    if not await until(lambda: process.poll() is not None, POLL_S, within_s):
        process.kill()
        process.wait()
        with only_lab(root):
            await clean_leftovers(root)
