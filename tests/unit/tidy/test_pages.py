"""What a page tells the reader to do can be done: commands exist, links resolve, the paths named are there."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.cli import build_parser
from chaos.errors import UsageError

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
OUR_PATH = re.compile(r"(?:services|resilience|chaos|loadtests|dashboards|study|tests|scripts|\.ci)/[\w./-]*")


def commands(page: str) -> Iterator[str]:
    """Yield every line of the page's code blocks and every code span outside them."""
    for block in FENCE.findall(page):
        yield from (line.removeprefix("$ ").strip() for line in block.splitlines()[1:-1])
    yield from SPAN.findall(FENCE.sub("", page))


def anchors(page: str) -> set[str]:
    """Return the anchors that a page's headings make."""
    headings = HEADING.findall(FENCE.sub("", page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def targets(makefile: str) -> set[str]:
    return set(" ".join(re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)).split())


def scenario_exists(root: Path, name: str) -> bool:
    """Upper case stands for any name."""
    return name.isupper() or (root / "chaos" / "scenarios" / f"{name}.yaml").is_file()


def make_fault(root: Path, command: str) -> str | None:
    """Return what is wrong with a make command line, or None."""
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    for word in shlex.split(command, comments=True)[1:]:
        name = word.removeprefix("scenario-")
        if "=" in word or word in targets(makefile) or (name != word and scenario_exists(root, name)):
            continue
        return f"no target {word}"
    return None


def lab_fault(root: Path, command: str) -> str | None:
    """Return what is wrong with a command line of the lab, or None."""
    arguments = shlex.split(command, comments=True)
    if arguments[1:] in ([], ["--help"]):
        return None
    try:
        options: argparse.Namespace = build_parser().parse_args(arguments[1:])
    except UsageError as error:
        return str(error)
    if options.command == "run" and "/" not in options.name and not scenario_exists(root, options.name):
        return f"no scenario {options.name}"
    return None


def command_fault(root: Path, command: str) -> str | None:
    """Return what is wrong with a line of code on a page, or None where it is no command of ours."""
    command = command.replace("python -m chaos ", "lab ").removeprefix(".venv/bin/")
    if command == "make" or command.startswith("make "):
        return make_fault(root, command)
    if command == "lab" or command.startswith("lab "):
        return lab_fault(root, command)
    return None


def link_fault(root: Path, pages: dict[str, str], page: str, link: str) -> str | None:
    """Return what is wrong with a link, or None. Other people's sites are theirs to keep."""
    if re.match(r"[a-z]+:", link):
        return None
    path, _, anchor = link.partition("#")
    target = (root / page).parent / path if path else root / page
    if not target.exists():
        return f"{link}: no such file"
    name = target.resolve().relative_to(root).as_posix()
    if anchor and anchor not in anchors(pages[name]):
        return f"{link}: no such heading"
    return None


def test_every_command_of_a_page_exists(root: Path, pages: dict[str, str]) -> None:
    faults = [
        f"{path}: {command}: {fault}"
        for path, text in pages.items()
        for command in commands(text)
        if (fault := command_fault(root, command))
    ]

    assert not faults, "\n".join(faults)


def test_every_link_of_a_page_resolves(root: Path, pages: dict[str, str]) -> None:
    faults = [
        f"{path}: {fault}"
        for path, text in pages.items()
        for link in LINK.findall(FENCE.sub("", text))
        if (fault := link_fault(root, pages, path, link))
    ]

    assert not faults, "\n".join(faults)


def test_every_path_that_a_page_names_is_there(root: Path, pages: dict[str, str]) -> None:
    gone = [
        f"{path}: {span}"
        for path, text in pages.items()
        for span in SPAN.findall(FENCE.sub("", text))
        if OUR_PATH.fullmatch(span) and not (root / span).exists()
    ]

    assert not gone, "\n".join(gone)


def test_the_help_of_make_names_every_target(texts: dict[str, str]) -> None:
    makefile = texts["Makefile"]
    shown = set(re.findall(r"^##   make ([a-z-]+)", makefile, re.MULTILINE))

    assert targets(makefile) - {"help", "venv"} == shown - {"scenario-slow-db", "scenario-"}


@pytest.mark.parametrize(
    "command",
    ["make tea", "make scenario-slow-bd", "lab brew", "lab run slow-db --sede 8", ".venv/bin/lab run slow-bd"],
)
def test_a_command_that_does_not_exist_is_found(root: Path, command: str) -> None:
    assert command_fault(root, command)


@pytest.mark.parametrize(
    "command",
    [
        "make",
        "make scenario-NAME SEED=8",
        "make setup PYTHON=python3.12",
        "lab run slow-db --seed 8",
        "python -m chaos list",
    ],
)
def test_a_command_that_exists_is_none(root: Path, command: str) -> None:
    assert command_fault(root, command) is None


@pytest.mark.parametrize("link", ["gone.md", "#gone", "README.md#gone"])
def test_a_link_to_nowhere_is_found(root: Path, link: str) -> None:
    assert link_fault(root, {"README.md": "# Here\n"}, "README.md", link)
