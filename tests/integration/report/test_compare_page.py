"""The page of a comparison in a real browser: complete in itself, two runs that do not disturb each other."""

from pathlib import Path

import pytest

from chaos.compare.command import SCENARIOS, worst
from chaos.compare.page import compared, write_comparison
from chaos.report import write_report
from chaos.run_folder import RunFolder
from tests.integration.report.browser import Page
from tests.integration.report.test_page import Balanced
from tests.unit.compare.handler_runs import write_folder

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    found = [compared(write_folder(runs, name)) for name in SCENARIOS]
    folder = RunFolder(runs / "compare-handlers" / "2026-11-25T064012Z")
    folder.path.mkdir(parents=True)
    write_comparison(folder.report_html, found, worst([one.run for one in found]))
    return folder.report_html


def test_it_is_well_formed_and_small(written: Path) -> None:
    parser = Balanced()
    parser.feed(written.read_text())

    assert (parser.wrong, parser.open) == ([], [])
    assert written.stat().st_size < 400_000


@pytest.mark.parametrize("width", [500, 1200])
@pytest.mark.parametrize("dark", [False, True])
def test_it_draws_every_chart_without_error_or_request(page: Page, written: Path, width: int, *, dark: bool) -> None:
    page.complaints.clear()
    page.requests.clear()
    page.open(written, width=width, dark=dark)
    drawn = page.evaluate(
        "[...document.querySelectorAll('.plot')].map(plot => { const canvas = plot.querySelector('canvas');"
        " return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(byte => byte) })"
    )

    assert page.complaints == []
    assert page.requests == [written.as_uri()]
    assert drawn == [True] * 8
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_report_of_one_run_draws_loop_and_threads(page: Page, tmp_path: Path) -> None:
    page.complaints.clear()
    page.open(write_report(write_folder(tmp_path, "blocking-call")))

    assert page.complaints == []
    assert page.evaluate("[...document.querySelectorAll('.plot')].map(plot => plot.id)") == [
        "chart-in-time", "chart-latency", "chart-lag", "chart-tokens",
    ]  # fmt: skip


def test_a_cursor_and_a_zoom_stay_in_their_own_run(page: Page, written: Path) -> None:
    page.open(written)
    page.evaluate("document.getElementById('chart-blocking-call-lag').focus()")
    for key in ("Home", "ArrowRight", "ArrowRight", "+"):
        page.ask("Input.dispatchKeyEvent", type="keyDown", key=key)
    read = page.evaluate("[...document.querySelectorAll('output')].map(o => o.textContent !== o.dataset.rest)")

    assert read == [False] * 4 + [True] * 4
    assert page.evaluate("document.getElementById('reset-sync-vs-async').hidden")
    assert not page.evaluate("document.getElementById('reset-blocking-call').hidden")
