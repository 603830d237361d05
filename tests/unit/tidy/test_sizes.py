"""Small enough to be read at a sitting. Where a bound is in the way, the thing has two jobs."""

import ast
import re

import pytest

MODULE_LINES = 200
FUNCTION_LINES = 60
SCENARIO_LINES = 40
PAGE_LINES = 120
# path: why it may be longer. Empty is the aim.
LONGER: dict[str, str] = {}


def too_long(texts: dict[str, str], lines: int) -> list[str]:
    """Return the files with more than `lines` lines, except those that LONGER explains."""
    lengths = {path: len(text.splitlines()) for path, text in texts.items() if path not in LONGER}
    return [f"{path} has {length} lines" for path, length in lengths.items() if length > lines]


def long_functions(path: str, text: str) -> list[str]:
    """Return the functions of a module that are too long, docstring and all."""
    return [
        f"{path}:{node.lineno}: {node.name} has {lines} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    ]


def without_a_reason(text: str) -> bool:
    return bool(text.strip()) and ast.get_docstring(ast.parse(text)) is None


def test_a_module_has_at_most_200_lines(code: dict[str, str]) -> None:
    found = too_long(code, MODULE_LINES)

    assert not found, "\n".join(found)


def test_a_function_has_at_most_60_lines(code: dict[str, str]) -> None:
    found = [line for path, text in code.items() for line in long_functions(path, text)]

    assert not found, "\n".join(found)


def test_a_scenario_has_at_most_40_lines(texts: dict[str, str]) -> None:
    scenarios = {path: text for path, text in texts.items() if re.fullmatch(r"chaos/scenarios/.+\.yaml", path)}
    found = too_long(scenarios, SCENARIO_LINES)

    assert scenarios
    assert not found, "\n".join(found)


def test_a_page_has_at_most_120_lines(pages: dict[str, str]) -> None:
    found = too_long(pages, PAGE_LINES)

    assert "README.md" in pages
    assert not found, "\n".join(found)


def test_every_module_says_why_it_exists(texts: dict[str, str]) -> None:
    found = [path for path, text in texts.items() if path.endswith(".py") and without_a_reason(text)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(("lines", "found"), [(FUNCTION_LINES, 0), (FUNCTION_LINES + 1, 1)])
def test_a_function_of_one_line_too_many_is_found(lines: int, found: int) -> None:
    text = "async def work():\n" + "    pass\n" * (lines - 1)

    assert len(long_functions("chaos/x.py", text)) == found


def test_a_file_of_one_line_too_many_is_found() -> None:
    assert too_long({"chaos/x.py": "x\n" * 201, "chaos/y.py": "x\n" * 200}, MODULE_LINES) == [
        "chaos/x.py has 201 lines"
    ]


@pytest.mark.parametrize(("text", "found"), [("x = 1", True), ('"""Why."""\nx = 1', False), ("", False)])
def test_a_module_with_code_and_no_docstring_is_found(text: str, found: bool) -> None:
    assert without_a_reason(text) is found
