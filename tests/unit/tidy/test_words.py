"""What no file of the project holds: notes to self, one machine's paths, one registry's address."""

import re
from pathlib import Path

import pytest

# Each is written so that it does not match itself.
NOTES = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b")
HOMES = re.compile(r"(?<![\w.])/(?:root|Users/\w+|home/\w+)/")
# Package indexes only: an image's name in compose.yaml is an address too, and the one that everybody has.
REGISTRIES = re.compile(
    r"\b(?:pypi[.]org|pythonhosted[.]org|registry[.]npmjs[.]org|proxy[.]golang[.]org|repo1?[.]maven[.]\w+)\b"
    r"|(?<!no-emit)(?:--|--extra-)index-ur[l]\b"
)


def lines_with(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    """Return each line that matches, with its place."""
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("pattern", [NOTES, HOMES, REGISTRIES], ids=["notes", "home folders", "registries"])
def test_no_file_holds(texts: dict[str, str], pattern: re.Pattern[str]) -> None:
    found = lines_with(pattern, texts)

    assert not found, "\n".join(found)


def test_no_file_holds_the_path_of_this_checkout(texts: dict[str, str], root: Path) -> None:
    """A short one (/app) is left alone: it may be a container's and meant."""
    found = lines_with(re.compile(rf"{re.escape(str(root))}\b"), texts) if len(root.parts) > 2 else []

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (NOTES, "# TO" + "DO: later"),
        (NOTES, "x = 1  # FIX" + "ME"),
        (HOMES, "cd /ro" + "ot/lab"),
        (HOMES, 'open("/home/' + 'ann/lab.yaml")'),
        (REGISTRIES, "https://py" + "pi.org/simple"),
        (REGISTRIES, "--index-" + "url https://mirror.example"),
    ],
)
def test_such_a_line_is_found(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [(NOTES, "todo = parser.add_subparsers()"), (HOMES, "GET /homes/ann/stock"), (REGISTRIES, "on PyPI")],
)
def test_a_line_like_it_is_not(pattern: re.Pattern[str], line: str) -> None:
    assert not pattern.search(line)
