"""Locust with the lab's locustfile as a process, for the tests of it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.engines.liveness import identify, marked
from chaos.engines.ports import is_free
from chaos.engines.processes import MARK as VARIABLE
from chaos.engines.state import ChildState, LabState, write_state
from tests.integration.load.generator import ROOT, eventually
from tests.ports import free_port

FILE = ROOT / "loadtests" / "locustfile.py"
ENDS_WITHIN_S = 60


@dataclass
class Ended:
    """A Locust that is over: its exit code, what it said, and its summary."""

    code: int
    said: str
    summary: dict[str, Any]


def locust(*words: str) -> list[str]:
    """Return a command line of Locust."""
    return [sys.executable, "-m", "locust", "-f", str(FILE), *words]


async def run(*words: str) -> tuple[int, str]:
    """Run a command to its end; returns exit code and output."""
    process = await asyncio.create_subprocess_exec(
        *words, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    return process.returncode, said.decode()


async def headless(folder: Path, url: str, *words: str) -> Ended:
    """Run a test without a web UI against the arm `naive` at `url`."""
    summary = folder / "summary.json"
    arms = ("--host", url, "--arms", f"naive={url}", "--summary", str(summary))
    quiet = ("--headless", "--only-summary", "--spawn-rate", "100", "--exit-code-on-error", "0")
    code, said = await run(*locust(*quiet, *arms, *words))
    return Ended(code, said, json.loads(summary.read_text()) if summary.exists() else {})


@asynccontextmanager
async def web_ui(url: str, *words: str) -> AsyncIterator[str]:
    """Run Locust's web UI and yield its URL."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *locust("--web-host", "127.0.0.1", "--web-port", str(port), "--class-picker", "--host", url, *words),
        cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await eventually(lambda: not is_free(port) or process.returncode is not None)
        assert process.returncode is None
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def pretend_lab(root: Path, **gateways: str) -> LabState:
    """Make a checkout in `root` whose lab is up: this process, with these gateways by arm."""
    for name in ("compose.yaml", "loadtests"):
        (root / name).symlink_to(ROOT / name)
    (root / ".lab").mkdir()
    me = identify(os.getpid())
    children = tuple(
        ChildState(name=f"gateway-{arm}", pid=me.pid, started=me.started, orphan_signal="SIGTERM", arm=arm, url=url)
        for arm, url in gateways.items()
    )
    mark = f"of-test-{os.getpid()}-{root.name}"
    state = LabState(
        pid=me.pid, started=me.started, mark=mark, ready=True, log_dir=str(root / "logs"), children=children
    )
    write_state(root, state)
    return state


def left_of(state: LabState) -> set[int]:
    """Return the processes that carry the lab's mark."""
    return {each.pid for each in marked(VARIABLE, state.mark)}
