"""What a running lab leaves for other processes to read: `lab status`, and the next start if this lab is killed.

`.lab/lock` is held for as long as the lab lives; the kernel lets go of it whatever happens, so it alone decides who is
up. `.lab/state.json` says who the children are, written before the first of them and replaced whole.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from chaos.engines.liveness import Identity
from chaos.errors import LabAlreadyUp, StartFailed
from chaos.run import Component
from chaos.scenario.parts import Part

LAB_FOLDER = ".lab"
DATA_FOLDER = f"{LAB_FOLDER}/data"
EngineName = Literal["local", "compose"]


class Model(BaseModel):
    """Frozen, so that a change is a new state and a new file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ChildState(Model):
    """One child. `orphan_signal` ends it at once, with what it forked. `url` and `arm` only where it has them.

    `page` is for a person, of what is there to watch with.
    """

    name: str
    pid: int
    started: str
    orphan_signal: str
    arm: str | None = None
    url: str | None = None
    page: str | None = None

    @property
    def identity(self) -> Identity:
        """Return the process that this was."""
        return Identity(self.pid, self.started)


class ArmState(Model):
    """Who plays in a slot."""

    name: str
    profile: str
    handler: str
    slot: str


class LabState(Model):
    """One lab. `mark` stands in the environment of every process it started; `folders` are its own to remove.

    `stays` says that runs may use it (`lab up`); `arms` are in the order of their slots, `parts` those it runs with.
    Under Compose it has no children: its containers are those of the Compose project `project`.
    """

    format: Literal[1] = 1
    engine: EngineName = "local"
    project: str = ""
    stays: bool = False
    arms: tuple[ArmState, ...] = ()
    parts: tuple[Part, ...] = ()
    toxiproxy_url: str = ""
    components: tuple[Component, ...] = ()
    pid: int
    started: str
    mark: str
    ready: bool
    log_dir: str
    children: tuple[ChildState, ...] = ()
    folders: tuple[str, ...] = ()

    @property
    def identity(self) -> Identity:
        """Return the lab's own process."""
        return Identity(self.pid, self.started)


def read_state(root: Path) -> LabState | None:
    """Return what the last lab in this checkout wrote; None where it ended well or nothing readable is there."""
    try:
        return LabState.model_validate_json(_state_path(root).read_bytes())
    except (OSError, ValidationError):
        return None


def live_lab(root: Path) -> LabState | None:
    """Return the lab that runs in this checkout now, None where there is none."""
    state = read_state(root)
    return state if state is not None and state.identity.alive() else None


def write_state(root: Path, state: LabState) -> None:
    """Replace the state file in one step; a reader sees the old one or the new one."""
    path = _state_path(root)
    draft = path.with_suffix(".json.new")
    draft.write_text(state.model_dump_json(indent=2), encoding="utf-8")
    draft.replace(path)


def remove_state(root: Path) -> None:
    """Say that nothing is left to clean."""
    _state_path(root).unlink(missing_ok=True)


@contextmanager
def only_lab(root: Path) -> Iterator[None]:
    """Be the only lab of this checkout while inside; raises LabAlreadyUp, StartFailed where .lab cannot be written."""
    with _locked(root, "lock", lambda pid: f"a lab is up in {root} (pid {pid}): `lab down` ends it"):
        yield


@contextmanager
def only_run(root: Path) -> Iterator[None]:
    """Be the only run on the lab that is up while inside; raises LabAlreadyUp."""
    with _locked(root, "run.lock", lambda pid: f"a run goes on already on the lab that is up (pid {pid}): wait for it"):
        yield


@contextmanager
def _locked(root: Path, name: str, held: Callable[[str], str]) -> Iterator[None]:
    path = root / LAB_FOLDER / name
    try:
        path.parent.mkdir(exist_ok=True)
        lock = path.open("a+b")
    except OSError as error:
        raise StartFailed(f"cannot write {path}: {error.strerror}. Did root start a lab here? Remove .lab") from error
    # Children do not inherit it (Python's files close on exec), so an orphan cannot hold it.
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read().decode(errors="replace").strip()
            raise LabAlreadyUp(held(pid or "unknown")) from None
        lock.truncate(0)
        lock.write(str(os.getpid()).encode())
        lock.flush()
        yield


def _state_path(root: Path) -> Path:
    return root / LAB_FOLDER / "state.json"
