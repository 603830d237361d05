"""Tiny topologies: a compose.yaml in a folder of its own, whose services are a few lines of Python on free ports."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaos.engines.liveness import Identity, identify, marked
from chaos.engines.local import LocalEngine
from chaos.engines.processes import MARK
from chaos.engines.state import LabState, read_state
from chaos.engines.topology import Topology, load_topology
from tests.ports import free_port

REPOSITORY = Path(__file__).parents[3]

# Answers 200 everywhere; the environment makes it misbehave.
SERVICE = """
import http.server, os, signal, subprocess, sys, time
print("service says hello", flush=True)
if code := os.environ.get("EXIT"):
    print("cannot go on: the reason", flush=True)
    sys.exit(int(code))
if path := os.environ.get("ONCE"):
    if os.path.exists(path):
        print("not a second time: the reason", flush=True)
        sys.exit(5)
    open(path, "w").close()
if os.environ.get("DEAF"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.environ.get("SLOW"):
    def leave(*_):
        print("asked to end", flush=True)
        time.sleep(0.5)
        print("properly ended", flush=True)
        os._exit(0)
    signal.signal(signal.SIGTERM, leave)
if path := os.environ.get("STRAY"):
    sleeper = "import time, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    stray = subprocess.Popen([sys.executable, "-c", sleeper], start_new_session=True)
    open(path + ".new", "w").write(str(stray.pid))
    os.rename(path + ".new", path)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(os.environ.get("STATUS", "200")))
        self.send_header("Content-Length", "0")
        self.end_headers()
        if self.path == "/die":
            self.wfile.flush()
            os._exit(7)
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""

# A lab process as the command line is one: argv is its root, stdin tells an exception from waiting.
LAB = """
import asyncio, json, os, sys
from pathlib import Path
from chaos.engines.local import LocalEngine
from chaos.engines.topology import load_topology
async def main(root, mode):
    topology = load_topology(root / "compose.yaml", os.environ, None)
    async with LocalEngine(root, topology, [], root / "logs", lambda line: print("progress", line, flush=True)) as lab:
        print("ready", json.dumps(lab.pids()), flush=True)
        if mode == "raise":
            raise ValueError("the body failed")
        if mode == "pause":
            for name in lab.processes.names():
                await lab.processes.pause(name)
            print("paused", flush=True)
        await asyncio.sleep(600)
asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


class Tiny:
    """A root with a compose.yaml of tiny services; `lines` collects the engine's progress."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        (root / "service.py").write_text(SERVICE)
        (root / "lab.py").write_text(LAB)
        self.services: dict[str, Any] = {}
        self.configs: dict[str, Any] = {}
        self.ports: dict[str, int] = {}
        self.lines: list[str] = []

    def service(self, name: str, *, after: Sequence[str] = (), **environment: str) -> None:
        """Add a service to the file."""
        port = self.ports[name] = free_port()
        self.services[name] = {
            "image": "tiny",
            "command": ["python", "service.py"],
            "environment": {"HOST": "0.0.0.0", "PORT": str(port), **environment},  # noqa: S104 - replaced by loopback
            "ports": [f"127.0.0.1:{port}:{port}"],
            "depends_on": {other: {"condition": "service_healthy"} for other in after},
            "healthcheck": {
                "test": ["CMD", "python", "-m", "services.common.probe", f"http://127.0.0.1:{port}/readyz"]
            },
        }

    def components(self, *names: str) -> None:
        """Take components from the project's own compose.yaml, on free ports and behind no Compose profile."""
        own = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
        self.configs = {
            name: {"file": str(REPOSITORY / config["file"])} if "file" in config else config
            for name, config in own["configs"].items()
        }
        for name in names:
            service = own["services"][name]
            published = service["ports"][0].split(":")[-1]
            port = self.ports[name] = free_port()
            text = yaml.safe_dump(service).replace(published, str(port))
            # Kafka's controller has a port of its own, which is not published.
            text = text.replace("19093", str(free_port()))
            self.services[name] = {**yaml.safe_load(text), "profiles": []}

    def load(self) -> Topology:
        """Write the file and read it as the lab does."""
        path = self.root / "compose.yaml"
        path.write_text(yaml.safe_dump({"services": self.services, "configs": self.configs}, sort_keys=False))
        return load_topology(path, {}, None)

    def engine(self, **options: Any) -> LocalEngine:
        """Return an engine on the file."""
        return LocalEngine(self.root, self.load(), [], self.root / "logs", self.lines.append, **options)

    def state(self) -> LabState | None:
        """Return what the lab wrote down."""
        return read_state(self.root)

    def nothing_left(self) -> bool:
        """Return whether state and data of the lab are gone."""
        return self.state() is None and not (self.root / ".lab" / "data").exists()


class LabProcess:
    """A lab in a process of its own, which a test can kill."""

    def __init__(self, tiny: Tiny, mode: str, prefix: Sequence[str] = (), env: Mapping[str, str] | None = None) -> None:
        tiny.load()
        self._tiny = tiny
        self.output = tiny.root / "lab.out"
        python = [sys.executable] if not prefix else []
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*prefix, *python, str(tiny.root / "lab.py"), str(tiny.root), mode],
                stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=tiny.root,
                env=env,
            )  # fmt: skip

    def text(self) -> str:
        """Return what it printed."""
        return self.output.read_text()

    def family(self) -> set[Identity]:
        """Wait until it is ready, return every process of it but itself."""
        wait_for(lambda: "ready [" in self.text() or self.process.poll() is not None)
        assert "ready [" in self.text(), self.text()
        line = next(line for line in self.text().splitlines() if line.startswith("ready ["))
        state = self._tiny.state()
        assert state is not None
        return {identify(pid) for pid in json.loads(line.removeprefix("ready"))} | marked(MARK, state.mark)


def wait_for(condition: Callable[[], bool], timeout_s: float = 30) -> None:
    """Wait until a condition holds; fails the test where it does not within a bound that no busy machine reaches."""
    for _ in range(int(timeout_s / 0.02)):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("the condition did not come true in time")


def alive(processes: set[Identity]) -> set[Identity]:
    """Return which of these still live."""
    return {process for process in processes if process.alive()}
