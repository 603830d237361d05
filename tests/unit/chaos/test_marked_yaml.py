"""A scenario's text becomes data with a place for each value, or an error with a line."""

from pathlib import Path

import pytest

from chaos.errors import ScenarioError
from chaos.scenario.marked_yaml import parse_yaml, read_document


def test_each_value_knows_its_line() -> None:
    data, marks = parse_yaml("a: 1\nb:\n  - c: 2\n  - [3,\n     4]\n", "f")

    assert data == {"a": 1, "b": [{"c": 2}, [3, 4]]}
    assert marks["b", 0, "c"] == "f:3"
    assert marks["b", 1, 1] == "f:5"


def test_a_key_is_marked_where_it_stands_not_where_its_value_begins() -> None:
    _, marks = parse_yaml("a:\n\n  b: 1\n", "f")

    assert marks["a",] == "f:1"


def test_a_path_without_a_mark_is_placed_by_what_is_around_it(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("a: 1\nb:\n  c: 2\n")

    assert read_document(file, shown_as="x.yaml").where(("b", "gone", 3)) == "x.yaml:2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "f:3: a: stands twice, first in line 1"),
        ("a:\n  b: 1\n  b: 2\n", "f:3: a.b: stands twice, first in line 2"),
        ("a: 1\nb: [1\n", "f:3: this is not YAML"),
        ("a: &x [*x]\n", "contains itself"),
        ("a: !!python/name:os.system x\n", "f:1: this is not YAML"),
        ("a: *nobody\n", "undefined alias"),
        ("? [1]\n: 2\n", "a key must be plain text"),
        ("a: 1\n---\nb: 2\n", "f:2: this is not YAML"),
        ("a: 2024-99-99\n", "f:1: a: month must be in 1..12"),
        ("\x01", "f:1: this is not YAML"),
        ("[" * 3000, "f:1: is nested too deeply"),
    ],
)
def test_what_a_scenario_has_no_use_for_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_yaml(text, "f")

    assert message in str(caught.value)


@pytest.mark.parametrize(("text", "what"), [("", "is empty"), ("- 1\n", "a list"), ("5", "a number"), ("x", "text")])
def test_a_file_is_a_mapping(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)

    with pytest.raises(ScenarioError, match=what):
        read_document(file, shown_as="x.yaml")


def test_a_file_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"question: \xff")

    with pytest.raises(ScenarioError, match="not UTF-8 text"):
        read_document(file, shown_as="x.yaml")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_document(tmp_path, shown_as="x.yaml")
