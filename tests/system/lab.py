"""Runs the lab as its users do, in a process of its own, and looks at what it leaves."""

import atexit
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from chaos.engines.components import FORCE_TOXIPROXY
from chaos.engines.ports import is_free, wanted_ports
from chaos.engines.processes import MARK
from chaos.engines.state import DATA_FOLDER, read_state
from chaos.engines.topology import load_topology
from chaos.run import Run
from chaos.scenario.parts import PARTS

ROOT = Path(__file__).resolve().parents[2]
# Where a lab keeps its databases while it is up; a killed one leaves them to the next start.
DATA = ROOT / DATA_FOLDER
# A run of the short phases below takes half a minute; on a machine full of other work, three times that.
RUN_WITHIN_S = 180
ENDS_WITHIN_S = 20
# Every process of a lab is given this variable of the lab's own: so those of another test run are told from ours.
FOLDER = "TMPDIR"

SHORT = {"settle_s": 1, "baseline_s": 4, "fault_s": 5, "recovery_s": 6}


def phases(**seconds: float) -> list[str]:
    """Return the options that shorten the phases, with changes."""
    return [word for name, value in (SHORT | seconds).items() for word in ("--set", f"phases.{name}={value}")]


@dataclass
class Ended:
    """A run of the command line that is over."""

    code: int
    output: str


def lab(*words: str, runs: Path, timeout_s: float = RUN_WITHIN_S) -> Ended:
    """Run `lab WORDS` to its end."""
    done = subprocess.run(
        command(runs, *words),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return Ended(done.returncode, done.stdout + done.stderr)


def run_of(runs: Path, scenario: str) -> Run:
    """Read the newest finished run of a scenario."""
    return Run.model_validate_json((runs / scenario / "latest" / "run.json").read_text())


@contextmanager
def started(*words: str, runs: Path) -> Iterator[subprocess.Popen[str]]:
    """Start `lab WORDS`; whatever the test does, it is gone afterwards."""
    process = subprocess.Popen(
        command(runs, *words),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=ENDS_WITHIN_S)


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    """Read a lab's lines until one matches; returns what was read. Fails the test where the lab ends first."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if re.search(pattern, line):
            return "".join(lines)
    raise AssertionError(f"the lab ended before {pattern!r}:\n{''.join(lines)}")


def children() -> dict[int, psutil.Process]:
    """Return the processes of the lab that is up, by the state it keeps and whatever they have started."""
    state = read_state(ROOT)
    assert state is not None, "no lab is up"
    found: dict[int, psutil.Process] = {}
    for pid in (state.pid, *(child.pid for child in state.children)):
        # One of the start's helpers (initdb) may just have ended.
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            found |= {one.pid: one for one in (root, *root.children(recursive=True))}
    return found


def left(processes: dict[int, psutil.Process]) -> list[str]:
    """Return which of the processes still live; waits a little, for ends take a moment."""
    _gone, alive = psutil.wait_procs(list(processes.values()), timeout=5)
    return [f"{one.pid} {' '.join(one.cmdline())}" for one in alive if one.status() != psutil.STATUS_ZOMBIE]


def left_running() -> list[str]:
    """Return what a lab of this test run has left: marked processes that live, and ports that are still taken."""
    ports = wanted_ports(load_topology(ROOT / "compose.yaml", {"COMPOSE_PROFILES": ",".join(PARTS)}, None))
    for _ in range(50):
        found = marked() + [f"port {port} ({name})" for port, name in ports.items() if not is_free(port)]
        if not found:
            break
        time.sleep(0.1)
    return found


def marked() -> list[str]:
    """Return the living processes that a lab of this test run has started, as `pid command`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            variables = process.environ()
            if variables.get(FOLDER) == folder() and not variables.keys().isdisjoint({MARK, "LAB_LOAD"}):
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@cache
def folder() -> str:
    """Return a folder for what this run's labs keep for a moment; databases under another account look into it."""
    made = tempfile.mkdtemp(prefix="lab-")
    Path(made).chmod(0o755)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def environment() -> dict[str, str]:
    """Return what a lab is started with.

    The embedded Toxiproxy, where nothing else is asked for: taking a toxic out of the original under load may hang, and
    such a run ends without a verdict (`removal-under-load` in docs/toxiproxy.md).
    """
    return {FORCE_TOXIPROXY: "embedded", **os.environ, FOLDER: folder()}


def command(runs: Path, *words: str) -> list[str]:
    """Return the command line of `lab WORDS`."""
    return [sys.executable, "-m", "chaos", "--runs", str(runs), *words]
