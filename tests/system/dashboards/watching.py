"""A Prometheus of the test's own beside the lab: it outlives the runs, so that all of them can be asked about."""

import math
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from chaos.engines.addresses import loopback
from chaos.engines.topology import load_topology
from chaos.scenario.parts import PARTS
from dashboards import promql
from resilience.clock import SystemClock
from tests.integration.dashboards.prometheus_tools import ROOT, program
from tests.ports import free_port

READY_WITHIN_S = 20.0


@dataclass(frozen=True)
class Series:
    """One series of an answer: its labels, and (epoch seconds, value) of each step at which it is there."""

    labels: dict[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def finite(self) -> int:
        return sum(math.isfinite(value) for _, value in self.points)


class Watching:
    """A Prometheus that scrapes the lab as dashboards/prometheus.yml says."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, expr: str, from_s: float, to_s: float, step_s: float = 1.0) -> list[Series]:
        """Return what a board's expression is at each step of a time, variables filled in."""
        query = {"query": promql.filled(expr), "start": f"{from_s:.3f}", "end": f"{to_s:.3f}", "step": f"{step_s:g}"}
        answer = httpx.get(f"{self._url}/api/v1/query_range", params=query, timeout=20).json()
        assert answer["status"] == "success", answer
        return [
            Series(one["metric"], tuple((at, float(value)) for at, value in one["values"]))
            for one in answer["data"]["result"]
        ]

    def ready(self) -> bool:
        """Return whether it can be asked."""
        try:
            return httpx.get(f"{self._url}/-/ready", timeout=1).is_success
        except httpx.HTTPError:
            return False


@contextmanager
def watching(folder: Path) -> Iterator[Watching]:
    """Run one while the block is open; skips the test where this machine has none."""
    executable, clock = program("prometheus"), SystemClock()
    hosts = load_topology(ROOT / "compose.yaml", {"COMPOSE_PROFILES": ",".join(PARTS)}, None).services
    config = folder / "prometheus.yml"
    config.write_text(loopback(hosts)((ROOT / "dashboards/prometheus.yml").read_text()))
    shutil.copy(ROOT / "dashboards/rules.yml", folder)
    port = free_port()
    process = subprocess.Popen(
        [
            executable, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
        ],
    )  # fmt: skip
    try:
        found = Watching(f"http://127.0.0.1:{port}")
        until = clock.now() + READY_WITHIN_S
        while not found.ready():
            assert process.poll() is None, "Prometheus ended"
            assert clock.now() < until, "Prometheus did not become ready"
            time.sleep(0.1)
        yield found
    finally:
        process.terminate()
        process.wait(10)
