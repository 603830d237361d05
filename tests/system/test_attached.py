"""A lab that stays up and the runs on it: each has customers of its own, and none of them ends the lab."""

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.engines.components import FORCE_TOXIPROXY
from chaos.engines.servers import TOXIPROXY_PORT
from chaos.injecting import LINK_FAULT_LONGER_S
from tests.integration.report.browser import SETTLED, Page, until
from tests.ports import free_port
from tests.system.lab import lab, left_running, phases, read_until, run_of, started
from tests.system.watch.pages import FILLED, watching

pytestmark = pytest.mark.system

POLL_S = 0.05
SHORT = phases(settle_s=0, baseline_s=2, fault_s=1, recovery_s=1)
# What slow-db hurts: two links of two arms.
HURT = [f"{arm}.{service}_to_postgres" for arm in ("naive", "protected") for service in ("inventory", "orders")]


def toxics() -> list[str]:
    """The proxies that have a toxic now."""
    with urllib.request.urlopen(f"http://127.0.0.1:{TOXIPROXY_PORT}/proxies", timeout=5) as answer:
        return sorted(name for name, proxy in json.load(answer).items() if proxy["toxics"])


def poll(holds: Callable[[], bool], within_s: float) -> bool:
    """Ask until it holds, at most so long."""
    for _ in range(round(within_s / POLL_S)):
        if holds():
            return True
        time.sleep(POLL_S)
    return False


@pytest.fixture(scope="module")
def lab_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have a lab of two equal shops up, and nothing of it afterwards.

    One for all of this module: whatever comes before it, each test finds it well, and leaves it up.
    """
    runs = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        # The original knows no ttl.
        patch.setenv(FORCE_TOXIPROXY, "embedded")
        ended = lab("up", "--arms", "naive,protected", runs=runs)
    try:
        assert ended.code == 0, ended.output
        yield
    finally:
        down = lab("down", runs=runs)
    assert (down.code, lab("status", runs=runs).code) == (0, 1), down.output
    assert left_running() == []


def test_two_runs_on_one_lab_do_not_know_of_each_other(lab_up: None, tmp_path: Path) -> None:
    """The same seed twice: the second run's customers are new to the shop, and its ledger counts only them."""
    for name in ("first", "second"):
        ended = lab("run", "healthy", *SHORT, runs=tmp_path / name)
        assert "the lab that is up is used" in ended.output
    first, second = (run_of(tmp_path / name, "healthy") for name in ("first", "second"))

    assert first.engine == second.engine == "local"
    assert first.components == second.components
    for run in (first, second):
        for arm, ledger in run.ledger.items():
            assert ledger.acknowledged > 0, arm
            assert ledger.orders_found == ledger.acknowledged + ledger.ambiguous, arm
            assert (ledger.orders_lost, ledger.orders_doubled, ledger.charges_doubled) == (0, 0, 0), arm
    assert lab("status", runs=tmp_path).code == 0


def test_a_run_with_other_arms_is_told_what_is_up(lab_up: None, tmp_path: Path) -> None:
    """Nothing is stopped or started for it, and nothing written."""
    ended = lab("run", "healthy", "--arms", "protected,naive", runs=tmp_path)

    assert ended.code == 3
    assert "has the arms naive, protected, and this run needs the arms protected, naive" in ended.output
    assert "lab down" in ended.output
    assert list(tmp_path.iterdir()) == []
    assert lab("status", runs=tmp_path).code == 0


def test_a_second_lab_is_refused(lab_up: None, tmp_path: Path) -> None:
    ended = lab("up", runs=tmp_path)

    assert ended.code == 3
    assert "lab down" in ended.output
    assert lab("status", runs=tmp_path).code == 0


def test_a_lab_that_is_up_without_a_run_is_recorded_by_the_page(lab_up: None, tmp_path: Path, page: Page) -> None:
    """Where a Prometheus runs beside the lab, it is asked instead; the page looks the same."""
    port = free_port()
    with watching(tmp_path / "runs", port):
        page.ask("Page.navigate", url=f"http://127.0.0.1:{port}/#board=service")
        page.evaluate(SETTLED)
        until(page, "window.watch.state && window.watch.state.source && window.watch.store", 60)
        filled = until(page, f"({FILLED}).length >= 3 && {FILLED}", 30)
        message = page.evaluate("document.getElementById('where').textContent")

    assert filled
    assert "no run goes on" in message
    assert page.complaints == []


def test_a_killed_run_leaves_no_toxic_on_a_lab_that_stays(lab_up: None, tmp_path: Path) -> None:
    """SIGKILL in the fault: nobody is left to heal, so the toxic ends by itself, after its ttl."""
    fault_s = 3.0
    words = ("run", "slow-db", *phases(settle_s=0, baseline_s=1, fault_s=fault_s, recovery_s=1))
    with started(*words, runs=tmp_path) as run:
        read_until(run, r"fault +\d")
        assert poll(lambda: toxics() == HURT, 5.0)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        at_once = toxics()
        assert poll(lambda: toxics() == [], fault_s + LINK_FAULT_LONGER_S + 1.0)

    # It was there when nobody was left: what took it away was its own end.
    assert at_once == HURT
    assert lab("status", runs=tmp_path).code == 0
