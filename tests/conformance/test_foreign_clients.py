"""chaostoolkit-toxiproxy and npm's toxiproxy-node-client, unmodified, each in a process of its own.

`make test-conformance` brings them into .lab/foreign; where they are not, these tests say so and are skipped.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conformance.servers import ROOT, Server

FOREIGN = ROOT / ".lab" / "foreign"
DRIVERS = Path(__file__).parent / "foreign"
BOUND_S = 60
MISSING = "not in .lab/foreign; make test-conformance brings it where its registry can be reached"


def drive(*command: str | Path, modules: Path = FOREIGN) -> None:
    environment = {**os.environ, "NODE_PATH": str(modules), "NO_PROXY": "*", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [str(word) for word in command],
        env=environment,
        cwd=DRIVERS,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def python_with_chaostoolkit() -> Path:
    python = FOREIGN / "python" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"chaostoolkit-toxiproxy: {MISSING}")
    return python


@pytest.fixture(scope="module")
def node() -> str:
    node = shutil.which("node")
    if node is None or not (FOREIGN / "node" / "node_modules" / "toxiproxy-node-client").exists():
        pytest.skip(f"toxiproxy-node-client: {'node is not on the path' if node is None else MISSING}")
    return node


def test_chaostoolkit(python_with_chaostoolkit: Path, server: Server) -> None:
    """Proxies, every helper for toxics, probes and reset."""
    drive(python_with_chaostoolkit, DRIVERS / "drive.py", server.url)


def test_node_client(node: str, server: Server) -> None:
    """Create, read, update and remove of all seven types, latency felt, reset, populate, refusal when disabled."""
    drive(node, DRIVERS / "drive.js", server.url, modules=FOREIGN / "node" / "node_modules")
