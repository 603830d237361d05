"""A run folder that grows as one does, with made-up figures: slow database from 6 to 12 s of 20."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from chaos.lab_metrics import FAULT_ACTIVE
from chaos.recording import metrics_file
from chaos.recording.metrics_file import Scrape
from chaos.run_folder import RunFolder
from loadtests.metrics import LOAD_IN_TIME_TOTAL, LOAD_LATENCY, LOAD_OFFERED_TOTAL
from resilience.clock import SystemClock
from resilience.metrics import BREAKER_STATE
from services.common.metrics import DB_POOL_WAITING, HTTP_DURATION
from tests.integration.watch.real_prometheus import ROOT

FAULT_S = (6, 12)
END_S = 20
PHASES = "phases: {settle_s: 1, baseline_s: 5, fault_s: 6, recovery_s: 8}"
ARMS = ("naive", "protected")
FAULT = "latency 800 ms on orders_to_postgres"
PER_S = 40


class GrowingRun:
    """Writes what a recorder would have written; `t0_s` is seconds since 1970."""

    def __init__(self, runs: Path, t0_s: float, scenario: str = "slow-db") -> None:
        self.folder = RunFolder.create(runs, scenario, datetime.fromtimestamp(t0_s, UTC))
        self.t0_s = t0_s
        self._written_to_s = -1
        text = (ROOT / "chaos" / "scenarios" / f"{scenario}.yaml").read_text()
        lines = [PHASES if line.startswith("phases:") else line for line in text.splitlines()]
        self.folder.scenario_yaml.write_text("\n".join(lines) + "\n")
        (self.folder.path / "load.go").write_text(json.dumps({"t0": t0_s}))

    @classmethod
    def begun(cls, runs: Path, ago_s: float) -> "GrowingRun":
        """Return a run whose load began some seconds ago."""
        return cls(runs, SystemClock().wall() - ago_s)

    def write_to(self, second: int) -> None:
        """Write the scrapes up to a second after t0."""
        rows = [row for at in range(self._written_to_s + 1, second + 1) for row in _rows(at)]
        metrics_file.append(self.folder.metrics_jsonl, rows)
        self._written_to_s = max(self._written_to_s, second)

    @property
    def name(self) -> str:
        return f"{self.folder.path.parent.name}/{self.folder.path.name}"


def _hurt(arm: str, at_s: int) -> bool:
    return arm == "naive" and FAULT_S[0] <= at_s < FAULT_S[1]


def _rows(at_s: int) -> Iterator[Scrape]:
    relay: dict[str, float] = {}
    for arm in ARMS:
        done = sum(4 if _hurt(arm, second) else PER_S for second in range(at_s))
        late = sum(4 for second in range(at_s) if _hurt(arm, second))
        labels = f'arm="{arm}",method="GET",route="/products",service="gateway",status="200"'
        buckets = {"0.01": done - late, "1.0": 0, "10.0": late, "+Inf": 0}
        samples: dict[str, float] = {
            f"{HTTP_DURATION}_count{{{labels}}}": done,
            f'{DB_POOL_WAITING}{{arm="{arm}",service="gateway"}}': 60 if _hurt(arm, at_s) else 0,
        }
        if arm == "protected":
            inside = FAULT_S[0] < at_s < FAULT_S[1]
            samples[f'{BREAKER_STATE}{{arm="{arm}",link="orders_to_postgres"}}'] = 2 if inside else 0
        yield Scrape(at_s + 0.1, "gateway", arm, samples, buckets={f"{HTTP_DURATION}{{{labels}}}": buckets})
        on = FAULT_S[0] <= at_s < FAULT_S[1]
        relay[f'{FAULT_ACTIVE}{{arm="{arm}",fault="{FAULT}",target="orders_to_postgres",source="lab"}}'] = on
        relay[f'{LOAD_OFFERED_TOTAL}{{arm="{arm}",kind="browse",source="run"}}'] = PER_S * at_s
        relay[f'{LOAD_IN_TIME_TOTAL}{{arm="{arm}",kind="browse",source="run"}}'] = done - late
        relay[f'{LOAD_LATENCY}_count{{arm="{arm}",kind="browse",source="run"}}'] = done
    yield Scrape(at_s + 0.2, "relay", "", relay)
