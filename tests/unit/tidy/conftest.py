"""What the house rules are held against: the project's own files, read once, by their path from the root."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CODE_ROOMS = ("services", "resilience", "chaos", "loadtests", "dashboards")
ROOMS = (*CODE_ROOMS, "study", "tests", "scripts", "docs", ".ci")
SUFFIXES = {"", ".md", ".py", ".sh", ".sql", ".toml", ".txt", ".yaml", ".yml"}
# Other people's code, shipped with the report.
VENDORED = "chaos/report/vendor/"


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    """Every text file that belongs to the project; what a user keeps beside it is no concern of ours."""
    found = [path for path in ROOT.iterdir() if path.is_file()]
    for room in ROOMS:
        found += (ROOT / room).rglob("*")
    named = {path.relative_to(ROOT).as_posix(): path for path in sorted(found)}
    return {
        name: path.read_text(encoding="utf-8")
        for name, path in named.items()
        if path.is_file() and path.suffix in SUFFIXES and "__pycache__" not in name and not name.startswith(VENDORED)
    }


@pytest.fixture(scope="session")
def code(texts: dict[str, str]) -> dict[str, str]:
    """The modules of the five code rooms. Tests have rules of their own."""
    return {name: text for name, text in texts.items() if name.endswith(".py") and name.split("/")[0] in CODE_ROOMS}


@pytest.fixture(scope="session")
def pages(texts: dict[str, str]) -> dict[str, str]:
    """The pages. The changelog may be long, and may name what is gone."""
    return {name: text for name, text in texts.items() if name.endswith(".md") and name != "CHANGELOG.md"}
