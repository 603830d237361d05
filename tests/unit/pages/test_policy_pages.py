"""A policy's page says what its code is: headings, the files to copy, every setting, every name."""

import ast
import builtins
import re
import sys
from collections.abc import Iterator

import pytest

from tests.unit.pages.page import (
    BASE,
    HEADINGS,
    MODULES,
    PAGES,
    PART_OF,
    SPAN,
    Line,
    Page,
    closure,
    imported_from,
    imports,
    names_in,
    page_of,
    settings_fields,
    source_of,
)

PAGE_LINES = 120
NAMES = sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README")
# What a service has that needs these pages.
AT_HAND = {"fastapi", "starlette", "uvicorn"}
# Told in general, by no policy of its own accord: a page need not say it again.
GENERAL = {"Event", "Listener", "Rejected", "ResilienceError", "SettingsError", "ignore"}
FOLDER = "mkdir -p yours/resilience\n"
COMMAND = re.compile(r"cp resilience/(?:\{(?P<many>[a-z_,]+)\}|(?P<one>[a-z_]+))\.py yours/resilience/")


@pytest.fixture(params=NAMES)
def page(request: pytest.FixtureRequest) -> Page:
    return Page(request.param)


def one_line(faults: list[str]) -> str:
    return "\n" + "\n".join(faults)


def test_the_headings_are_the_seven_in_their_order(page: Page) -> None:
    found = page.headings()
    last = found[-1].number if found else 1

    assert [line.text for line in found] == HEADINGS, f"{page.at(last)}: level 2 headings must be {HEADINGS}"
    assert [line.number for line in page.headings(1)] == [1], f"{page.at(1)}: one title, in the first line"


def test_a_page_has_at_most_120_lines(page: Page) -> None:
    assert len(page.lines) <= PAGE_LINES, f"{page.at(len(page.lines))}: more than {PAGE_LINES} lines"


def test_how_is_one_whole_app_by_modules(page: Page) -> None:
    """A file to be saved as app.py, which imports from modules: the package needs all of them."""
    blocks = page.blocks("How")
    assert [block.language for block in blocks] == ["python"], f"{page.at(1)}: How needs one python block"
    app = blocks[0]
    assert app.code.startswith("# app.py\n"), f"{page.at(app.number)}: the first line must be `# app.py`"
    assert "FastAPI(" in app.code, f"{page.at(app.number)}: no FastAPI app"

    faults = [
        f"{page.at(app.number + line - 1)}: imports {name}, not a module that is copied"
        for line, name in imports(app.code)
        if name.startswith(("resilience", "services", "chaos", ".")) and name.removeprefix("resilience.") not in MODULES
    ]
    assert not faults, one_line(faults)


def test_how_uses_the_policy_of_the_page(page: Page) -> None:
    used = closure(page.app().code)

    assert used & set(page.modules()), f"{page.at(page.app().number)}: imports none of {page.modules()}"


def test_copy_lists_what_the_app_needs_and_nothing_else(page: Page) -> None:
    needed = sorted(closure(page.app().code))
    [block, *_rest] = page.blocks("Copy")
    found = COMMAND.search(block.code)
    right = f"cp resilience/{{{','.join(needed)}}}.py yours/resilience/"

    assert block.language == "bash", f"{page.at(block.number)}: a ```bash block, for the braces"
    assert block.code.startswith(FOLDER), f"{page.at(block.number)}: must begin with `{FOLDER.strip()}`"
    assert found, f"{page.at(block.number)}: no line like\n{right}"
    listed = (found["many"] or found["one"]).split(",")
    assert listed == needed, f"{page.at(block.number)}: must be\n{right}"


def test_copy_names_the_packages_to_install(page: Page) -> None:
    sources = [page.app().code, *map(source_of, closure(page.app().code))]
    foreign = {name.split(".")[0] for source in sources for _, name in imports(source)}
    needed = foreign - set(sys.stdlib_module_names) - AT_HAND - {"resilience"}
    section = page.section("Copy")
    text = " ".join(line.text for line in section)

    assert not {package for package in needed if package not in text}, (
        f"{page.at(section[0].number)}: install {sorted(needed)} beside fastapi and uvicorn"
    )


def table(page: Page) -> Iterator[tuple[Line, str]]:
    """Yield each name in the first column of the table of defaults, with its line."""
    rows = [line for line in page.section("Defaults") if line.text.startswith("|")]
    for line in rows[2:]:
        for span in SPAN.findall(line.text.split("|")[1]):
            yield line, span


def test_defaults_has_every_setting(page: Page) -> None:
    shown = {span.split(".")[-1] for _, span in table(page)}
    begin = page.section("Defaults")[0].number
    faults = [
        f"{page.at(begin)}: no row for `{field}` of {name} (resilience/{module}.py)"
        for module in page.modules()
        for name, fields in settings_fields(module).items()
        for field in fields
        if field not in shown
    ]

    assert not faults, one_line(faults)


def test_defaults_has_no_setting_that_does_not_exist(page: Page) -> None:
    known = {
        (name, field)
        for module in closure(page.app().code) | set(page.modules())
        for name, fields in settings_fields(module).items()
        for field in fields
    }
    fields = {field for _, field in known}
    faults = [
        f"{page.at(line.number)}: `{span}` is a field of no settings"
        for line, span in table(page)
        if span.split(".")[-1] not in fields or (span[0].isupper() and tuple(span.split(".")) not in known)
    ]

    assert not faults, one_line(faults)


def metric_names() -> dict[str, str]:
    """Return the metrics' names by their constants."""
    return {
        ast.unparse(node.targets[0]): node.value.value
        for node in ast.parse(source_of("metrics")).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }


def test_every_metric_that_a_page_names_exists(page: Page) -> None:
    values = set(metric_names().values())
    faults = [
        f"{page.at(line.number)}: no metric {name} in resilience/metrics.py"
        for line in page.lines
        for name in re.findall(r"\bresilience_[a-z_]+\b", line.text)
        if name not in values
    ]

    assert not faults, one_line(faults)


def test_every_class_and_constant_of_what_it_emits_exists(page: Page) -> None:
    """Events, errors, states; a constant of the metrics; else a name that the page's own modules define."""
    known = set(dir(builtins)) | set(metric_names())
    for module in MODULES:
        known |= names_in(module)
    faults = [
        f"{page.at(line.number)}: nothing is called `{name}`"
        for line in page.section("What it emits")
        for span in SPAN.findall(line.text)
        for name in re.findall(r"^([A-Z]\w+)(?:\b|$)", span)
        if name not in known and "-" not in span
    ]

    assert not faults, one_line(faults)


@pytest.mark.parametrize("kind", ["events", "errors"])
def test_what_it_emits_leaves_no_event_and_no_error_out(page: Page, kind: str) -> None:
    section = page.section("What it emits")
    text = "\n".join(line.text for line in section)
    faults = [
        f"{page.at(section[0].number)}: no word of {name} (resilience/{module}.py)"
        for module in page.modules()
        for name in sorted(imported_from(kind, source_of(module)) - GENERAL)
        if not re.search(rf"\b{name}\b", text)
    ]

    assert not faults, one_line(faults)


def test_every_policy_has_a_page() -> None:
    """A module without one is a base module, or a part of another policy: tests/unit/pages/page.py says which."""
    faults = [
        f"resilience/{module}.py: no docs/policies/{name}.md"
        for module in sorted(MODULES)
        if (name := page_of(module)) is not None and name not in NAMES
    ]

    assert not faults, one_line(faults)


def test_every_page_is_about_a_module() -> None:
    assert [name for name in NAMES if not Page(name).modules()] == []


def test_every_module_of_the_two_lists_is_there() -> None:
    assert sorted((BASE | set(PART_OF)) - set(MODULES)) == []


def test_the_index_names_every_page_once() -> None:
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[[^\]]+\]\(([a-z-]+)\.md\)", index, re.MULTILINE)

    assert sorted(rows) == NAMES
    assert len(index.splitlines()) <= PAGE_LINES // 2
