"""Who is alive: a process is its pid and its start, for a pid alone may be somebody else's by now.

`kill -0` is no judge: it calls a zombie alive, and where nobody reaps orphans (a container whose first process is no
init) a killed process stays a zombie for ever.
"""

import os
import signal
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Identity:
    """One process, for ever: `started` is opaque and differs between two processes that had the same pid."""

    pid: int
    started: str

    def alive(self) -> bool:
        """Return whether this very process still runs; a zombie does not."""
        return started(self.pid) == self.started


def identify(pid: int) -> Identity:
    """Return who has this pid now; a process that is gone already gets an identity that is never alive."""
    return Identity(pid, started(pid) or "gone")


def started(pid: int) -> str | None:
    """Return when the process with this pid began, None where there is none or only its zombie."""
    if sys.platform == "linux":
        return _started_linux(pid)
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return f"{process.create_time():.3f}"
    return None


def _started_linux(pid: int) -> str | None:
    """Read state and start, fields 3 and 22 of proc(5)'s stat; the name before them may hold spaces and brackets."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat[stat.rindex(")") + 2 :].split()
    # Ticks count from boot, so they tell two boots apart only together with the boot's id.
    return None if fields[0] in "ZX" else f"{_boot()}:{fields[19]}"


def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def descendants(roots: Iterable[int]) -> set[Identity]:
    """Return the living children of `roots`, their children and so on, without the roots; one walk over all pids."""
    children: dict[int, list[int]] = {}
    for process in psutil.process_iter(["ppid"]):
        children.setdefault(process.info["ppid"], []).append(process.pid)
    found: set[Identity] = set()
    open_ = list(roots)
    while open_:
        for pid in children.pop(open_.pop(), []):
            open_.append(pid)
            if (began := started(pid)) is not None:
                found.add(Identity(pid, began))
    return found


def marked(variable: str, value: str) -> set[Identity]:
    """Return the living processes, this one aside, whose environment holds `variable=value`: they inherited it.

    Finds what left its session and lost its parent. Does not find what wiped or overwrote its environment, as Valkey
    and Postgres' backends do: those are written down as children, or end with one.
    """
    found: set[Identity] = set()
    for pid in psutil.pids():
        if pid == os.getpid():
            continue
        with suppress(psutil.Error, OSError):
            environment: Mapping[str, str] = psutil.Process(pid).environ()
            if environment.get(variable) == value and (began := started(pid)) is not None:
                found.add(Identity(pid, began))
    return found


def send(processes: Iterable[Identity], number: signal.Signals) -> None:
    """Send a signal to each of these that still lives."""
    for process in processes:
        if process.alive():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, number)


def send_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group of ours: its leader may be gone, its other members not."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
