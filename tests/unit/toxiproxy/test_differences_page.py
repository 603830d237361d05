"""The table of differences is data; the page shows exactly that."""

import re
from pathlib import Path

from chaos.toxiproxy.server.differences import DIFFERENCES, table
from chaos.toxiproxy.server.toxics import EXTENSIONS, TYPES

PAGE = Path(__file__).parents[3] / "docs" / "toxiproxy.md"


def test_the_page_shows_the_table() -> None:
    """`python -m chaos.toxiproxy.server.differences` prints it."""
    found = re.search(r"<!-- differences -->\n(.*?)<!-- /differences -->", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert found[1].strip() == table().strip()


def test_names_are_unique_and_every_difference_says_why() -> None:
    names = [one.name for one in DIFFERENCES]
    assert len(set(names)) == len(names)
    assert all(one.why and "|" not in one.original + one.ours + one.why for one in DIFFERENCES)


def test_the_page_names_every_toxic() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in TYPES if f"`{name}`" not in text] == []
    assert set(EXTENSIONS) < set(TYPES)
