"""The report as a file: written from a run folder alone, complete in itself, and right in a real browser."""

import gzip
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from chaos.errors import RunFolderError
from chaos.report import write_report
from chaos.run_folder import RunFolder
from tests.integration.report.browser import Page
from tests.unit.report.synthetic import PLANS, write_folder

pytestmark = pytest.mark.integration

LARGEST = 600_000
# Elements that HTML closes by itself.
VOID = {"meta", "link", "br", "img", "hr", "input"}


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder with its report for each made-up run."""
    root = tmp_path_factory.mktemp("runs")
    found = {name: write_folder(root / name, plan) for name, plan in PLANS.items()}
    for folder in found.values():
        write_report(folder)
    return found


class Balanced(HTMLParser):
    """Finds elements that are closed in the wrong order or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element of SVG that closes itself."""

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")


@pytest.mark.parametrize("name", list(PLANS))
def test_a_report_is_one_small_well_formed_file(folders: dict[str, Path], name: str) -> None:
    text = (folders[name] / "report.html").read_text()
    parser = Balanced()
    parser.feed(text)

    assert len(text.encode()) < LARGEST
    assert (parser.wrong, parser.open) == ([], [])
    assert "None" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"""(?:src|href)=["'](?!logs/|data:)""", text)


def test_text_of_the_scenario_is_shown_and_never_run(folders: dict[str, Path]) -> None:
    text = (folders["SLOW"] / "report.html").read_text()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert(1)" not in text


def test_a_report_answers_in_the_order_of_the_readers_questions(folders: dict[str, Path]) -> None:
    text = (folders["BLIND"] / "report.html").read_text()
    order = [
        "<h1>slow-db", "NOT PROVEN</strong>", "This run proves nothing", 'class="remedy"', "What was measured",
        "What happened", "By how much", "What was expected", "Can it be believed?", "Again, and on", "Everything else",
    ]  # fmt: skip
    places = [text.index(part) for part in order]

    assert places == sorted(places)


def test_a_report_is_written_again_from_the_folder_alone(folders: dict[str, Path], tmp_path: Path) -> None:
    """The same folder elsewhere, years later, gives the same page but for the folder's name."""
    moved = tmp_path / "SLOW"
    shutil.copytree(folders["SLOW"], moved)
    before = (moved / "report.html").read_text()
    (moved / "report.html").unlink()

    assert write_report(moved).read_text() == before


def test_a_folder_of_which_only_run_json_is_left_has_a_report(folders: dict[str, Path], tmp_path: Path) -> None:
    shutil.copy(folders["SLOW"] / "run.json", tmp_path)
    text = write_report(tmp_path).read_text()

    assert "requests.csv holds no records" in text
    assert "CONFIRMED" in text


def test_a_recorder_that_was_killed_leaves_the_series_up_to_there(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = RunFolder(shutil.copytree(folders["SLOW"], tmp_path / "cut"))
    whole = gzip.decompress(folder.metrics_jsonl.read_bytes())
    folder.metrics_jsonl.write_bytes(gzip.compress(whole)[:12_000])

    assert "Why: calls waiting" in write_report(folder.path).read_text()


def test_a_folder_without_a_run_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"no run\.json"):
        write_report(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"), [("run.json", "{"), ("requests.csv", "arm\nx\n"), ("probes.csv", "t_s\nx\n")]
)
def test_a_damaged_file_is_named(folders: dict[str, Path], tmp_path: Path, name: str, text: str) -> None:
    folder = shutil.copytree(folders["SLOW"], tmp_path / "damaged")
    (folder / name).write_text(text)

    with pytest.raises(RunFolderError, match=re.escape(name)):
        write_report(folder)


@pytest.mark.parametrize("name", list(PLANS))
def test_a_browser_opens_it_without_a_complaint_or_a_request(page: Page, folders: dict[str, Path], name: str) -> None:
    """Every chart has drawn something, and nothing but the file itself was asked for."""
    page.requests.clear()
    page.complaints.clear()
    page.open(folders[name] / "report.html")
    drawn = page.evaluate(
        "[...document.querySelectorAll('.plot')].map(plot => { const canvas = plot.querySelector('canvas');"
        " return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(byte => byte) })"
    )

    assert page.complaints == []
    assert page.requests == [(folders[name] / "report.html").as_uri()]
    assert drawn == [True] * len(drawn)
    assert bool(drawn) is (name != "EMPTY")


@pytest.mark.parametrize("width", [500, 1200])
@pytest.mark.parametrize("name", ["SLOW", "THREE", "BLIND"])
def test_a_page_is_never_wider_than_its_window(page: Page, folders: dict[str, Path], name: str, width: int) -> None:
    page.open(folders[name] / "report.html", width=width)

    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("Math.min(...[...document.querySelectorAll('canvas')].map(c => c.clientWidth))") >= 280


def test_dark_is_dark(page: Page, folders: dict[str, Path]) -> None:
    grounds = []
    for dark in (False, True):
        page.open(folders["SLOW"] / "report.html", dark=dark)
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert grounds == ["rgb(250, 250, 248)", "rgb(17, 21, 27)"]


READOUTS = "[...document.querySelectorAll('output')].map(output => output.textContent)"


def mouse(page: Page, kind: str, x: float, y: float, *, held: bool = False) -> None:
    page.ask(
        "Input.dispatchMouseEvent",
        type=kind,
        x=x,
        y=y,
        button="left" if held else "none",
        buttons=int(held),
        clickCount=1,
    )


def inside(page: Page, share: float) -> tuple[float, float]:
    """Return a point inside the second chart, at a share of its width."""
    left, top, width = page.evaluate(
        "(() => { const box = document.querySelector('#chart-latency .u-over').getBoundingClientRect();"
        " return [box.left, box.top + 40, box.width] })()"
    )
    return left + share * width, top


def test_one_cursor_reads_all_charts(page: Page, folders: dict[str, Path]) -> None:
    page.open(folders["SLOW"] / "report.html", height=2000)
    at_rest = page.evaluate(READOUTS)
    x, y = inside(page, 30 / 63)
    mouse(page, "mouseMoved", x, y)
    mouse(page, "mouseMoved", x + 1, y)
    said = page.evaluate(READOUTS)

    assert at_rest[1] == "from the intended instant, log scale"
    assert {int(float(text.split()[0])) for text in said} == {30}
    assert "naive" in said[1]
    assert "protected open / open" in said[3]


def test_dragging_in_one_chart_zooms_all_and_the_button_returns(page: Page, folders: dict[str, Path]) -> None:
    page.open(folders["SLOW"] / "report.html", height=2000)
    hidden = "document.getElementById('reset').hidden"
    assert page.evaluate(hidden)

    x, y = inside(page, 0.3)
    mouse(page, "mouseMoved", x, y)
    mouse(page, "mousePressed", x, y, held=True)
    mouse(page, "mouseMoved", x + 60, y, held=True)
    mouse(page, "mouseMoved", x + 120, y, held=True)
    mouse(page, "mouseReleased", x + 120, y, held=True)
    assert not page.evaluate(hidden)

    # The same second stands at the same place in every chart, and it is not where it stood before.
    mouse(page, "mouseMoved", x, y)
    mouse(page, "mouseMoved", x + 1, y)
    places = page.evaluate("[...document.querySelectorAll('.u-cursor-x')].map(line => line.style.transform)")
    assert len(places) > 1
    assert len(set(places)) == 1
    assert len({int(float(text.split()[0])) for text in page.evaluate(READOUTS)}) == 1

    page.evaluate("document.getElementById('reset').click()")
    assert page.evaluate(hidden)


def test_a_chart_is_read_and_zoomed_by_keyboard(page: Page, folders: dict[str, Path]) -> None:
    page.open(folders["SLOW"] / "report.html")
    page.evaluate("document.getElementById('chart-in-time').focus()")
    for key in ("Home", "ArrowRight", "ArrowRight"):
        page.ask("Input.dispatchKeyEvent", type="keyDown", key=key)
    assert page.evaluate(READOUTS)[0].startswith("2 s ")

    page.ask("Input.dispatchKeyEvent", type="keyDown", key="+")
    zoomed = page.evaluate("document.getElementById('reset').hidden")
    page.ask("Input.dispatchKeyEvent", type="keyDown", key="Escape")
    assert (zoomed, page.evaluate("document.getElementById('reset').hidden")) == (False, True)


def test_without_javascript_the_figures_are_still_there(folders: dict[str, Path]) -> None:
    text = (folders["SLOW"] / "report.html").read_text()

    assert "<noscript>" in text
    assert text.count("These figures as text") == 5
    assert '<th scope="row">62</th>' in text
