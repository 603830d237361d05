"""The app of each page runs with the files that its page says to copy, and with nothing else of ours."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.pages.page import MODULES, PAGES, ROOT, Page, closure

pytestmark = pytest.mark.integration

NAMES = sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README")
# Their apps talk to a server, so here they are only imported; tests/integration/resilience/ runs them on the real one.
NEEDS_A_SERVER = {"idempotency": "PostgreSQL"}
PROCESS_S = 60
SAID_LINES = 12


def laid_out(page: Page, folder: Path) -> Path:
    """Do what the page says: copy the files, save the app."""
    (folder / "resilience").mkdir()
    for module in closure(page.app().code):
        shutil.copy(MODULES[module], folder / "resilience")
    (folder / "app.py").write_text(page.app().code, encoding="utf-8")
    return folder


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the app in a process that sees neither this one's path nor its environment."""
    script = Path(__file__).with_name("run_app.py")
    return subprocess.run(
        [sys.executable, "-I", str(script), str(folder), str(ROOT), *options],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        timeout=PROCESS_S,
        check=False,
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_app_answers_with_the_copied_files_alone(name: str, tmp_path: Path) -> None:
    """Any answer but a 500: an app whose dependency is not there may well say 503."""
    page = Page(name)
    options = ["--construct"] if name in NEEDS_A_SERVER else []

    ended = run(laid_out(page, tmp_path), *options)

    # The end of a traceback is the app's own part.
    last = "\n".join(ended.stderr.splitlines()[-SAID_LINES:])
    said = f"{page.at(page.app().number)}: {ended.stdout}{last}"
    assert ended.returncode == 0, said
    answers = re.findall(r"^[A-Z]+ \S+ (\d+)$", ended.stdout, re.MULTILINE)
    assert options or answers, f"{page.at(page.app().number)}: the app has no route"
    assert "500" not in answers, said


def test_every_app_that_is_only_constructed_exists() -> None:
    assert set(NEEDS_A_SERVER) <= set(NAMES)


def test_the_installed_project_is_not_what_the_app_imports(tmp_path: Path) -> None:
    """An app that needs a file which was not copied fails, although the project is installed beside it."""
    (tmp_path / "resilience").mkdir()
    (tmp_path / "app.py").write_text("from resilience.errors import Rejected\n", encoding="utf-8")

    ended = run(tmp_path)

    assert ended.returncode != 0
    assert "No module named 'resilience.errors'" in ended.stderr


def test_an_app_that_raises_is_found(tmp_path: Path) -> None:
    lines = ["from fastapi import FastAPI", "app = FastAPI()", "@app.get('/')", "async def home(): return 1 // 0"]
    (tmp_path / "app.py").write_text("\n".join(lines), encoding="utf-8")

    ended = run(tmp_path)

    assert ended.returncode != 0
    assert "ZeroDivisionError" in ended.stderr
