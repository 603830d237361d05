"""Every panel of every board has data of a real run, and the fault's band is where the fault was."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from chaos.lab_metrics import PHASE
from chaos.run import Run
from dashboards.boards import BOARDS
from dashboards.grafana import FAULTS
from dashboards.rules import RULES
from resilience.clock import SystemClock
from resilience.metrics import (
    BREAKER_STATE,
    BUDGET_TOKENS,
    BULKHEAD_IN_FLIGHT,
    BULKHEAD_WAITING,
    CALLS_TOTAL,
    FALLBACKS_TOTAL,
    REJECTIONS_TOTAL,
    RETRIES_TOTAL,
    SERVER_IN_FLIGHT,
    SERVER_WAITING,
)
from tests.system.dashboards.asked import ENOUGH_POINTS, OF_PARTS, by_arm, queries
from tests.system.dashboards.watching import Watching, watching
from tests.system.lab import lab, phases, run_of, started

pytestmark = pytest.mark.system

# What one short run of two arms cannot have, each with the reason; the second source below has it.
NOT_IN_A_RUN = {
    "load: Users of Locust A": "a run's customers are one user of Locust's that spawns arrivals",
    "service: The door: requests refused, per second A": "the links' limits keep the shop below what a door lets in",
}
# A scrape a second, one of which may fail.
SEEN_WITHIN_S = 2.5
ONLY_OF_POLICIES = (
    CALLS_TOTAL, REJECTIONS_TOTAL, RETRIES_TOTAL, FALLBACKS_TOTAL, BREAKER_STATE, BULKHEAD_IN_FLIGHT, BULKHEAD_WAITING,
    BUDGET_TOKENS, SERVER_IN_FLIGHT, SERVER_WAITING,
)  # fmt: skip
# The service itself refuses who leaves it 1 ms.
INVENTORY = "http://127.0.0.1:18220/stock/sku-0001"
HURRIED = {"x-deadline-ms": "1"}


@dataclass(frozen=True)
class Seen:
    """A run, and the load on a lab that is up; `t0` is the run's in epoch seconds."""

    prometheus: Watching
    run: Run
    t0: float
    in_the_run: tuple[float, float]
    afterwards: tuple[float, float]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    runs, clock = tmp_path_factory.mktemp("runs"), SystemClock()
    with watching(tmp_path_factory.mktemp("prometheus")) as prometheus:
        up = lab("up", runs=runs)
        try:
            assert up.code == 0, up.output
            began = clock.wall()
            ended = lab("run", "slow-db", *phases(settle_s=3, baseline_s=4, fault_s=8, recovery_s=5), runs=runs)
            run_ended = clock.wall()
            assert (runs / "slow-db" / "latest").exists(), ended.output
            _load(runs)
        finally:
            lab("down", runs=runs)
        t0 = float(json.loads((runs / "slow-db" / "latest" / "load.go").read_text())["t0"])
        yield Seen(prometheus, run_of(runs, "slow-db"), t0, (began, run_ended), (run_ended, clock.wall()))


def _load(runs: Path) -> None:
    """Let users of Locust ask the lab that is up, and hurried callers its inventory."""
    clock = SystemClock()
    with started("load", "--users", "5", "--class", "Browsing", "--duration", "6", runs=runs) as load:
        until = clock.now() + 60
        while load.poll() is None and clock.now() < until:
            httpx.get(INVENTORY, headers=HURRIED, timeout=5)
            time.sleep(0.1)
        assert load.returncode == 0


# The others have a run of their own (test_panels_of_the_parts.py).
QUERIES = queries({board.uid for board in BOARDS} - OF_PARTS)
IN_A_RUN = [name for name in QUERIES if name not in NOT_IN_A_RUN]
BY_ARM = [name for name in IN_A_RUN if by_arm(QUERIES[name])]


@pytest.mark.parametrize("name", QUERIES)
def test_a_panel_has_data(seen: Seen, name: str) -> None:
    """Series come back, every one of them with figures and with nothing else."""
    expr = QUERIES[name]
    found = seen.prometheus.ask(expr, *(seen.afterwards if name in NOT_IN_A_RUN else seen.in_the_run))

    assert found, "no series"
    assert [one for one in found if one.finite < len(one.points)] == []
    assert max(one.finite for one in found) >= (1 if PHASE in expr else ENOUGH_POINTS)


@pytest.mark.parametrize("name", BY_ARM)
def test_both_arms_are_there(seen: Seen, name: str) -> None:
    """But for what only a policy has, and a naive arm has none."""
    arms = {one.labels["arm"] for one in seen.prometheus.ask(QUERIES[name], *seen.in_the_run)}

    assert "protected" in arms
    assert arms == {"naive", "protected"} or any(metric in QUERIES[name] for metric in ONLY_OF_POLICIES)


def test_what_a_run_cannot_have_is_not_there(seen: Seen) -> None:
    """A panel is excused for as long as its reason holds."""
    assert [name for name in NOT_IN_A_RUN if seen.prometheus.ask(QUERIES[name], *seen.in_the_run)] == []


def test_the_faults_band_is_where_the_fault_was(seen: Seen) -> None:
    """1 inside the window that the run itself measured at the proxies, and nothing before and after."""
    (window,) = seen.run.fault_windows
    found = seen.prometheus.ask(FAULTS, *seen.in_the_run, step_s=0.5)
    (band,) = found
    points = {at - seen.t0: value for at, value in band.points}

    assert band.labels == {"fault": window.title}
    assert set(points.values()) == {1.0}
    assert window.from_s <= min(points) <= window.from_s + SEEN_WITHIN_S
    assert window.to_s - SEEN_WITHIN_S <= max(points) <= window.healed_s + SEEN_WITHIN_S
    inside = [at for at in points if window.from_s + SEEN_WITHIN_S <= at <= window.to_s]
    assert len(inside) >= (window.to_s - window.from_s - SEEN_WITHIN_S)


@pytest.mark.parametrize("rule", [rule.record for rule in RULES])
def test_a_recording_rule_has_data(seen: Seen, rule: str) -> None:
    found = seen.prometheus.ask(rule, *seen.in_the_run)

    assert found
    assert all(one.finite == len(one.points) for one in found)
    assert max(one.finite for one in found) >= ENOUGH_POINTS
