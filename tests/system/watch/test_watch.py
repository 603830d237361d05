"""The page beside a real run: the committed dashboards fill while it goes on, and its report opens when it is over."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.report.browser import SETTLED, Page, browser, chromium
from tests.integration.watch.real_prometheus import free_port
from tests.system.lab import ROOT, phases, started

pytestmark = pytest.mark.system

RUN_WITHIN_S = 180
# Drawn in every run of slow-db: customers, the queue for the database, the breakers.
ALWAYS_DRAWN = {"experiment", "service", "dependencies"}


@contextmanager
def watching(runs: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """Run `lab watch`; it ends with a signal, or the test fails."""
    command = [sys.executable, "-m", "chaos", "--runs", str(runs), "watch", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        assert str(port) in process.stdout.readline()
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == 143


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with browser(executable, tmp_path / "profile") as opened:
        yield opened


def until(page: Page, expression: str, within_s: float) -> Any:
    """Return the value of an expression as soon as it is true."""
    end = time.perf_counter() + within_s
    while time.perf_counter() < end:
        if value := page.evaluate(expression):
            return value
        time.sleep(0.25)
    raise AssertionError(f"not within {within_s:g} s: {expression}; {page.complaints}")


FILLED = "window.watch.panels.filter(panel => panel.series && panel.series.length).map(panel => panel.json.title)"


def test_a_real_run_is_drawn_live_from_the_committed_boards_and_ends_in_its_report(tmp_path: Path, page: Page) -> None:
    runs, port = tmp_path / "runs", free_port()
    url = f"http://127.0.0.1:{port}"
    with watching(runs, port), started("run", "slow-db", *phases(fault_s=8, recovery_s=10), runs=runs) as run:
        page.ask("Page.navigate", url=url)
        page.evaluate(SETTLED)
        page.complaints.clear()
        until(page, "window.watch.state && window.watch.state.live && window.watch.store", RUN_WITHIN_S)
        until(page, "window.watch.store.bands.length === 1", RUN_WITHIN_S)
        assert until(page, "[...document.querySelectorAll('#now tbody tr')].length === 2", 10)
        drawn: dict[str, list[str]] = {}
        for board in [one["uid"] for one in _json(f"{url}/api/boards")]:
            page.evaluate(f"location.hash = 'board={board}'")
            until(page, f"window.watch.board.uid === '{board}' && window.watch.store", 20)
            drawn[board] = page.evaluate(FILLED)
        run.communicate(timeout=RUN_WITHIN_S)
        until(page, "window.watch.state.verdict && !document.getElementById('report').hidden", 30)
        asked = {one.split("/")[2] for one in page.requests}
        complaints = list(page.complaints)
        page.evaluate("document.getElementById('report').click()")
        until(page, "document.title.startsWith('slow-db') && document.querySelectorAll('.plot').length > 3", 20)

    assert asked == {f"127.0.0.1:{port}"}
    assert complaints == []
    assert {board for board, panels in drawn.items() if panels} >= ALWAYS_DRAWN, drawn
    assert len(drawn["experiment"]) >= 7, drawn["experiment"]


def test_a_lab_that_is_up_without_a_run_is_recorded_by_the_page(tmp_path: Path, page: Page) -> None:
    """Where a Prometheus runs beside the lab, it is asked instead; the page looks the same."""
    runs, port = tmp_path / "runs", free_port()
    with watching(runs, port), started("up", "--foreground", runs=runs):
        page.ask("Page.navigate", url=f"http://127.0.0.1:{port}/#board=service")
        page.evaluate(SETTLED)
        until(page, "window.watch.state && window.watch.state.source && window.watch.store", RUN_WITHIN_S)
        filled = until(page, f"({FILLED}).length >= 3 && {FILLED}", 30)
        message = page.evaluate("document.getElementById('where').textContent")

    assert filled
    assert "no run goes on" in message
    assert page.complaints == []


def _json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own
        return json.load(answer)
