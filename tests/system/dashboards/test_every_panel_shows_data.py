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
    CACHE_REFRESHES_TOTAL,
    CALLS_TOTAL,
    FALLBACKS_TOTAL,
    REJECTIONS_TOTAL,
    RETRIES_TOTAL,
    SERVER_IN_FLIGHT,
    SERVER_WAITING,
    SHARED_CALLS_TOTAL,
)
from services.common.metrics import CONSUMER_DEAD_LETTERED_TOTAL, OUTBOX_PUBLISH_FAILURES_TOTAL, READ_COPY_AGE
from tests.integration.services.brokers import tansu
from tests.integration.services.mariadb import HOW_TO_GET_MARIADB, mariadbd
from tests.system.dashboards.asked import ENOUGH_POINTS, OF_PARTS, by_arm, queries
from tests.system.dashboards.watching import Watching, watching
from tests.system.lab import lab, run_of, started

pytestmark = pytest.mark.system

# What one short run of two arms cannot have, each with the reason; the second source below has it.
NOT_IN_A_RUN = {
    "load: Users of Locust A": "a run's customers are one user of Locust's that spawns arrivals",
    "service: The door: requests refused, per second A": "the links' limits keep the shop below what a door lets in",
}
# A scrape a second, one of which may fail.
SEEN_WITHIN_S = 2.5
# Policies, copies with an age, dead letters.
ONLY_OF_PROTECTED = (
    CALLS_TOTAL, REJECTIONS_TOTAL, RETRIES_TOTAL, FALLBACKS_TOTAL, BREAKER_STATE, BULKHEAD_IN_FLIGHT, BULKHEAD_WAITING,
    BUDGET_TOKENS, SERVER_IN_FLIGHT, SERVER_WAITING, CACHE_REFRESHES_TOTAL, SHARED_CALLS_TOTAL, READ_COPY_AGE,
    CONSUMER_DEAD_LETTERED_TOTAL,
    # Published in the request, an attempt goes on for longer than this fault.
    OUTBOX_PUBLISH_FAILURES_TOTAL,
)  # fmt: skip
# Copies last 10 s: the baseline is long enough for one to be renewed early.
SCENARIO = """\
question: Does every panel show something?
arms: [naive, protected]
needs: [{needs}]
load: {{checkout_per_s: 20, browse_per_s: 20{load}}}
phases: {{settle_s: 4, baseline_s: 12, fault_s: 12, recovery_s: 10, drain_s: 20}}
faults:
  - {{type: latency, links: [orders_to_postgres, inventory_to_postgres], attributes: {{latency: {latency}}}}}
"""
OF_THE_PARTS = """\
  - {type: messages, topics: [orders], attributes: {poison: 5, repeated: 5}}
  - {type: down, links: [orders_to_kafka, catalog_to_mysql, catalog_to_postgres]}
"""
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
    scenario = runs / "all.yaml"
    scenario.write_text(
        # Slow, but not so slow that orders, and with them events, come to an end.
        SCENARIO.format(needs="events, catalog", load=", product_per_s: 15, search_per_s: 5", latency=200)
        + OF_THE_PARTS
        if WITH_PARTS
        else SCENARIO.format(needs="", load="", latency=800)
    )
    with watching(tmp_path_factory.mktemp("prometheus")) as prometheus, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_KAFKA", "tansu")
        up = lab("up", runs=runs)
        try:
            assert up.code == 0, up.output
            began = clock.wall()
            ended = lab("run", str(scenario), runs=runs)
            run_ended = clock.wall()
            assert (runs / "all" / "latest").exists(), ended.output
            assert run_of(runs, "all").ledger["protected"].orders_lost == 0
            _load(runs)
        finally:
            lab("down", runs=runs)
        t0 = float(json.loads((runs / "all" / "latest" / "load.go").read_text())["t0"])
        yield Seen(prometheus, run_of(runs, "all"), t0, (began, run_ended), (run_ended, clock.wall()))


def _load(runs: Path) -> None:
    """Let users of Locust ask the lab that is up, and hurried callers its inventory."""
    clock = SystemClock()
    with started("load", "--users", "5", "--class", "Browsing", "--duration", "6", runs=runs) as load:
        until = clock.now() + 60
        while load.poll() is None and clock.now() < until:
            httpx.get(INVENTORY, headers=HURRIED, timeout=5)
            time.sleep(0.1)
        assert load.returncode == 0


# Not every machine has what the parts are made of.
WITH_PARTS = mariadbd() is not None and tansu() is not None
QUERIES = queries({board.uid for board in BOARDS} - (frozenset() if WITH_PARTS else OF_PARTS))
IN_A_RUN = [name for name in QUERIES if name not in NOT_IN_A_RUN]
BY_ARM = [name for name in IN_A_RUN if by_arm(QUERIES[name])]


def test_the_parts_were_there() -> None:
    """Say in one place that the boards of events and of catalog were not asked."""
    if not WITH_PARTS:
        pytest.skip(f"the boards {', '.join(sorted(OF_PARTS))} were not asked: {HOW_TO_GET_MARIADB}, and Tansu's wheel")
    assert {board.uid for board in BOARDS} == {name.partition(":")[0] for name in QUERIES}


@pytest.mark.parametrize("name", QUERIES)
def test_a_panel_has_data(seen: Seen, name: str) -> None:
    """Series come back, every one of them with figures and with nothing else."""
    expr = QUERIES[name]
    found = seen.prometheus.ask(expr, *(seen.afterwards if name in NOT_IN_A_RUN else seen.in_the_run))

    assert found, "no series"
    assert [one for one in found if one.finite < len(one.points)] == []
    # What is shown only while it happens may last for no longer than the window of a rate.
    assert max(one.finite for one in found) >= (1 if PHASE in expr or expr.endswith("> 0") else ENOUGH_POINTS)


@pytest.mark.parametrize("name", BY_ARM)
def test_both_arms_are_there(seen: Seen, name: str) -> None:
    """But for what only the protected arm has."""
    arms = {one.labels["arm"] for one in seen.prometheus.ask(QUERIES[name], *seen.in_the_run)}

    assert "protected" in arms
    assert arms == {"naive", "protected"} or any(metric in QUERIES[name] for metric in ONLY_OF_PROTECTED)


def test_what_a_run_cannot_have_is_not_there(seen: Seen) -> None:
    """A panel is excused for as long as its reason holds."""
    assert [name for name in NOT_IN_A_RUN if seen.prometheus.ask(QUERIES[name], *seen.in_the_run)] == []


def test_the_faults_band_is_where_the_fault_was(seen: Seen) -> None:
    """1 inside the window that the run itself measured at the proxies, and nothing before and after."""
    windows = {window.title: window for window in seen.run.fault_windows}
    bands = {band.labels["fault"]: band for band in seen.prometheus.ask(FAULTS, *seen.in_the_run, step_s=0.5)}
    assert bands.keys() == windows.keys()
    title, window = next((title, window) for title, window in windows.items() if "latency" in title)
    points = {at - seen.t0: value for at, value in bands[title].points}

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
