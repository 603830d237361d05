"""The page in a real browser while a run grows: it draws, it follows, it asks nobody but its own server."""

import json
import time
from urllib.parse import urlsplit

import pytest

from chaos.recording import metrics_file
from chaos.recording.metrics_file import Scrape
from resilience.clock import SystemClock
from tests.integration.report.browser import SETTLED, Page, until
from tests.integration.watch.board import experiment
from tests.integration.watch.conftest import Served
from tests.integration.watch.growing import FAULT_S, GrowingRun
from tests.unit.report.synthetic import PLANS, write_folder

pytestmark = pytest.mark.integration

# The bound on a machine at rest is 200 ms; this one only tells a page that works from one that does not.
DRAWN_WITHIN_MS = 2_000


def look(page: Page, url: str, *, width: int = 1200, dark: bool = False) -> None:
    """Open a page of the server anew."""
    page.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    page.ask("Emulation.setEmulatedMedia", features=[scheme])
    page.ask("Page.navigate", url="about:blank")
    page.requests.clear()
    page.complaints.clear()
    page.ask("Page.navigate", url=url)
    page.evaluate(SETTLED)


INKED = (
    "[...document.querySelectorAll('.plot canvas')].filter(canvas =>"
    " canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(byte => byte)).length"
)
# The fault windows, in seconds after t0.
BANDS = "(w => w.store ? w.store.bands.map(one => [one.from - w.state.origin, one.to - w.state.origin]) : [])(watch)"
ROWS = "[...document.querySelectorAll('.figures')].map(one => one.querySelectorAll('tbody tr').length)"
LAST = "window.watch.store && window.watch.store.times.length"


def test_a_run_that_goes_on_is_drawn_and_followed(page: Page, served: Served) -> None:
    run = GrowingRun.begun(served.runs, ago_s=15)
    run.write_to(9)
    look(page, served.url)
    until(page, f"{INKED} === 4")
    assert page.evaluate("window.watch.panels.map(panel => panel.series.length)") == [2, 2, 1, 2]
    assert page.evaluate("document.getElementById('title').textContent") == "slow-db"
    assert "fault: 3 of 6" in page.evaluate("document.getElementById('where').textContent").replace("\xa0", " ")
    assert page.evaluate("[...document.querySelectorAll('#now tbody tr')].map(row => row.textContent)")[0].startswith(
        "naive0"
    )

    (band,) = page.evaluate(BANDS)
    assert band[0] == pytest.approx(FAULT_S[0], abs=1.5)
    assert band[1] < 10

    drawn = page.evaluate(LAST)
    run.write_to(14)
    until(page, f"{LAST} > {drawn} + 3")
    (band,) = page.evaluate(BANDS)
    assert band[1] == pytest.approx(FAULT_S[1], abs=1.5)
    own = urlsplit(served.url).netloc
    assert {urlsplit(url).netloc for url in page.requests} == {own}
    assert page.complaints == []


def test_a_fault_in_force_is_a_band_on_the_canvas(page: Page, served: Served) -> None:
    """A column inside the window has another ground than one before it."""
    run = GrowingRun.begun(served.runs, ago_s=19)
    run.write_to(18)
    look(page, served.url)
    until(page, f"{INKED} === 4")
    shades = page.evaluate(
        "(() => { const plot = window.watch.panels[0].plot, y = plot.bbox.top + 3;"
        " const at = second => [...plot.ctx.getImageData(plot.valToPos(second, 'x', true), y, 1, 1).data];"
        " return [at(3.3), at(9.3), at(14.3)].map(String) })()"
    )

    assert shades[0] == shades[2] != shades[1]


def test_a_click_on_a_run_opens_its_report(page: Page, served: Served) -> None:
    folder = served.runs / "slow-db" / "2026-11-25T100000Z"
    write_folder(folder, PLANS["SLOW"])
    (folder / "report.html").write_text("<!doctype html><title>the report</title>")
    look(page, served.url)
    until(page, "document.querySelector('#runs a.name') !== null")
    assert page.evaluate("document.querySelector('#scenarios .dot').textContent") != ""
    page.evaluate("document.querySelector('#runs a.name').click()")

    assert until(page, "document.title === 'the report'")


def test_a_finished_run_is_looked_at_through_the_boards_with_its_own_fault_window(page: Page, served: Served) -> None:
    folder = served.runs / "slow-db" / "2026-11-25T100000Z"
    write_folder(folder, PLANS["SLOW"])
    (folder / "load.go").write_text('{"t0": 1795600800.0}')
    (folder / "scenario.yaml").write_text((served.root / "chaos" / "scenarios" / "slow-db.yaml").read_text())
    look(page, served.url)
    until(page, "document.querySelector('#runs .links a') !== null")
    page.evaluate("document.querySelector('#runs .links a').click()")
    until(page, "window.watch.store && window.watch.store.bands.length === 1")

    assert page.evaluate("document.getElementById('verdict').textContent") == "CONFIRMED"
    assert page.evaluate("document.getElementById('report').getAttribute('href')").endswith("T100000Z/report.html")
    assert page.evaluate("document.getElementById('now').hidden")
    assert page.complaints == []


def test_where_nothing_runs_the_page_says_what_to_do(page: Page, served: Served) -> None:
    look(page, served.url)

    assert until(page, "document.getElementById('where').textContent.includes('make scenario-slow-db')")
    assert page.complaints == []


@pytest.mark.parametrize("width", [500, 1200])
def test_a_page_is_never_wider_than_its_window(page: Page, served: Served, width: int) -> None:
    run = GrowingRun.begun(served.runs, ago_s=19)
    run.write_to(18)
    look(page, served.url, width=width)
    until(page, f"{INKED} === 4")

    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("Math.min(...[...document.querySelectorAll('canvas')].map(c => c.clientWidth))") >= 280


def test_dark_is_dark_and_arms_keep_their_colours(page: Page, served: Served) -> None:
    run = GrowingRun.begun(served.runs, ago_s=19)
    run.write_to(18)
    found = []
    for dark in (False, True):
        look(page, served.url, dark=dark)
        until(page, f"{INKED} === 4")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        found.append([ground, *page.evaluate("window.watch.panels[0].series.map(one => one.look.ink())")])

    assert found == [["rgb(250, 250, 248)", "#c2521c", "#1f66ad"], ["rgb(17, 21, 27)", "#f08a4b", "#6fb1f2"]]


def test_one_cursor_reads_all_charts_by_keyboard(page: Page, served: Served) -> None:
    run = GrowingRun.begun(served.runs, ago_s=19)
    run.write_to(18)
    look(page, served.url)
    until(page, f"{INKED} === 4")
    page.evaluate("window.watch.panels[0].host.focus()")
    for key in ("Home", *["ArrowRight"] * 11):
        page.ask("Input.dispatchKeyEvent", type="keyDown", key=key)
    times = "[...document.querySelectorAll('.chart time')].map(one => one.textContent.replace('\\u00a0', ' '))"

    assert set(page.evaluate(times)) == {"11 s"}
    assert page.evaluate("document.querySelector('#panel-2 .names b').textContent") == "4\xa0/s"
    assert "At 11\xa0s: naive 4\xa0/s" in page.evaluate("window.watch.panels[0].host.getAttribute('aria-label')")

    page.ask("Input.dispatchKeyEvent", type="keyDown", key="+")
    zoomed = page.evaluate("document.getElementById('reset').hidden")
    page.ask("Input.dispatchKeyEvent", type="keyDown", key="Escape")
    assert (zoomed, page.evaluate("document.getElementById('reset').hidden")) == (False, True)


def test_every_chart_has_its_figures_as_text(page: Page, served: Served) -> None:
    run = GrowingRun.begun(served.runs, ago_s=19)
    run.write_to(18)
    look(page, served.url)
    until(page, f"{INKED} === 4")
    page.evaluate("document.querySelectorAll('.figures').forEach(one => { one.open = true })")
    until(page, f"{ROWS}.every(Boolean)")
    states = page.evaluate("[...document.querySelectorAll('#panel-4 tbody tr')].map(row => row.lastChild.textContent)")

    assert len(page.evaluate(ROWS)) == 4
    assert states == ["closed", "open", "closed"]


def test_a_tab_is_reached_by_keyboard_and_stands_in_the_address(page: Page, served: Served) -> None:
    look(page, served.url)
    until(page, "document.querySelectorAll('[role=tab]').length === 2")
    page.evaluate("document.querySelector('[role=tab][aria-selected=true]').focus()")
    page.ask("Input.dispatchKeyEvent", type="keyDown", key="ArrowRight")

    until(page, "document.querySelector('[role=tab][aria-selected=true]').textContent === 'Load'")
    assert "board=load" in page.evaluate("location.hash")


def test_nobody_looks_so_nothing_is_asked(page: Page, served: Served) -> None:
    look(page, served.url)
    until(page, "document.getElementById('where').textContent !== ''")
    page.evaluate(
        "Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange'))"
    )
    time.sleep(0.5)
    page.evaluate("0")
    page.requests.clear()
    time.sleep(2.5)
    page.evaluate("0")
    assert page.requests == []

    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    time.sleep(0.5)
    page.evaluate("0")
    assert page.requests


def test_a_server_that_went_away_is_told(page: Page, served: Served) -> None:
    look(page, served.url)
    until(page, "document.getElementById('where').textContent !== ''")
    page.evaluate("window.fetch = () => Promise.reject(new TypeError('gone'))")

    assert until(page, "document.getElementById('problem').textContent.includes('make watch')")


def test_twelve_panels_of_ten_minutes_are_drawn_at_once(page: Page, served: Served) -> None:
    """Both arms, 600 seconds each: what the page's own stopwatch says, the drawing of the canvas included."""
    run = GrowingRun(served.runs, SystemClock().wall() - 610)
    rows = [
        Scrape(at_s + 0.1, "gateway", arm, {f'db_pool_waiting{{arm="{arm}",service="gateway"}}': at_s * 7 % 50})
        for at_s in range(600)
        for arm in ("naive", "protected")
    ]
    metrics_file.append(run.folder.metrics_jsonl, rows)
    board = experiment()
    template = json.dumps(board["panels"][4])
    board["panels"] = [{**json.loads(template), "id": number} for number in range(12)]
    (served.root / "dashboards" / "json" / "experiment.json").write_text(json.dumps(board))
    look(page, f"{served.url}/#view={run.name}")
    until(page, f"{INKED} === 12")
    drawn_ms = page.evaluate(
        "(async () => { const { watch } = window, began = performance.now();"
        " for (const panel of watch.panels) { panel.names = ''; panel.update(watch.store) }"
        " await null; return performance.now() - began })()"
    )
    points = page.evaluate("window.watch.panels.map(panel => panel.plot.data[1].filter(value => value != null).length)")

    assert min(points) >= 599
    assert drawn_ms < DRAWN_WITHIN_MS, f"12 panels of 600 points and 2 arms took {drawn_ms:.0f} ms"
