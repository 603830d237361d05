"""What a killed lab could not clean: the next start, or `lab down`, ends its processes and removes its data."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil

from chaos.engines.compose.project import Project
from chaos.engines.liveness import marked, send, send_group
from chaos.engines.processes import MARK
from chaos.engines.state import DATA_FOLDER, LAB_FOLDER, LabState, live_lab, only_lab, read_state, remove_state
from chaos.engines.sweep import sweep
from chaos.engines.waiting import until
from chaos.errors import StartFailed
from chaos.shield import to_the_end

# Private folders outside .lab carry this, so that a damaged state file cannot make us remove anything else.
TEMP_PREFIX = "chaoslab-"
_ORPHANS_END_S = 1.0
# A stop takes up to 3 s, that of containers with their logs up to 75 s at the worst.
STOPS_WITHIN_S = 10.0
COMPOSE_STOPS_WITHIN_S = 90.0
_POLL_S = 0.02


async def clean_leftovers(root: Path) -> list[str]:
    """End what a dead lab of this checkout left behind and remove its data; return what was done, a line each.

    A child counts only where pid and start are those that were written down. Call it holding the lock (`only_lab`).
    """
    state = read_state(root)
    done = []
    if state is not None and (ended := await _end_processes(state)):
        done.append(f"ended what a killed lab (pid {state.pid}) had left: {', '.join(ended)}")
    folders = [root / DATA_FOLDER, *(Path(folder) for folder in (state.folders if state else ()))]
    removed = [str(folder) for folder in dict.fromkeys(folders) if folder.exists() and remove_folder(root, folder)]
    if removed:
        done.append(f"removed the data of a killed lab: {', '.join(removed)}")
    if state is not None and state.project:
        done.append(await _end_project(root, state))
    remove_state(root)
    return done


async def stop_lab(
    root: Path, timeout_s: float | None = None, say: Callable[[str], None] = lambda _line: None
) -> LabState | None:
    """End the lab that runs in this checkout, as Ctrl-C would, and by force after `timeout_s`.

    That is what its engine needs at the most, where none is given. Returns its state, None where none runs:
    then what a killed one has left is removed, and `say` told.
    """
    state = live_lab(root)
    if state is None:
        with only_lab(root):
            for line in await clean_leftovers(root):
                say(line)
        return None
    if timeout_s is None:
        timeout_s = COMPOSE_STOPS_WITHIN_S if state.project else STOPS_WITHIN_S
    os.kill(state.pid, signal.SIGTERM)
    if not await until(lambda: not state.identity.alive(), _POLL_S, timeout_s):
        send({state.identity}, signal.SIGKILL)
        await until(lambda: not state.identity.alive(), _POLL_S, _ORPHANS_END_S)
    with only_lab(root):
        await clean_leftovers(root)
    return state


def remove_folder(root: Path, folder: Path) -> bool:
    """Remove a folder of the lab, return whether it is gone; refuses what is neither under .lab nor a private one."""
    private = folder.parent == Path(tempfile.gettempdir()) and folder.name.startswith(TEMP_PREFIX)
    if not private and not folder.resolve().is_relative_to((root / LAB_FOLDER).resolve()):
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


async def _end_project(root: Path, state: LabState) -> str:
    """Remove the containers of a killed lab; raises StartFailed where any is left, so that its state stays as well."""
    project = Project(root, state.project, {**os.environ, "COMPOSE_PROFILES": "*"})
    left = await to_the_end(project.down, restarts=1)
    if left:
        raise StartFailed(
            f"a killed lab (pid {state.pid}) left the Compose project {state.project}, which cannot be removed:"
            f" {', '.join(left)}"
        )
    return f"removed the Compose project {state.project}, which a killed lab (pid {state.pid}) had left"


async def _end_processes(state: LabState) -> list[str]:
    """End what still lives, children first in the way that takes their own along; return who it was."""
    children = [child for child in state.children if child.identity.alive()]
    for child in children:
        send({child.identity}, signal.Signals[child.orphan_signal])
    await until(lambda: not any(child.identity.alive() for child in children), _POLL_S, _ORPHANS_END_S)
    for child in children:
        if child.identity.alive():
            send_group(child.pid, signal.SIGKILL)
    # Left their group, lost their parent, or were started but not yet written down.
    strays = marked(MARK, state.mark) - {child.identity for child in children}
    names = [f"{child.name} (pid {child.pid})" for child in children]
    names += [f"{_program(stray.pid)} (pid {stray.pid})" for stray in strays]
    sweep({child.identity for child in children} | strays, MARK, state.mark)
    return names


def _program(pid: int) -> str:
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return "a process"
