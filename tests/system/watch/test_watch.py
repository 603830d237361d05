"""The page beside a real run: the committed dashboards fill while it goes on, and its report opens when it is over."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.integration.report.browser import SETTLED, Page, until
from tests.ports import free_port
from tests.system.lab import phases, started
from tests.system.watch.pages import FILLED, watching

pytestmark = pytest.mark.system

RUN_WITHIN_S = 180
# Drawn in every run of slow-db: customers, the queue for the database, the breakers.
ALWAYS_DRAWN = {"experiment", "service", "dependencies"}


def test_a_real_run_is_drawn_live_from_the_committed_boards_and_ends_in_its_report(tmp_path: Path, page: Page) -> None:
    runs, port = tmp_path / "runs", free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        watching(runs, port),
        started("run", "slow-db", *phases(settle_s=0, baseline_s=2, fault_s=8, recovery_s=10), runs=runs) as run,
    ):
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
        output, _ = run.communicate(timeout=RUN_WITHIN_S)
        # Judged, with whatever word: one that could not go on has no report.
        assert run.returncode in (0, 1, 2), output
        until(page, "window.watch.state.verdict && !document.getElementById('report').hidden", 30)
        asked = {one.split("/")[2] for one in page.requests}
        complaints = list(page.complaints)
        page.evaluate("document.getElementById('report').click()")
        until(page, "document.title.startsWith('slow-db') && document.querySelectorAll('.plot').length > 3", 20)

    assert asked == {f"127.0.0.1:{port}"}
    assert complaints == []
    assert {board for board, panels in drawn.items() if panels} >= ALWAYS_DRAWN, drawn
    assert len(drawn["experiment"]) >= 7, drawn["experiment"]


def _json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own
        return json.load(answer)
