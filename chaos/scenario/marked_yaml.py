"""YAML that remembers where each value stood, so that an error about a value can name its line.

PyYAML's loaders forget the lines and let the second of two equal keys win in silence; both would make a mistake in a
scenario hard to find. This reader keeps one mark a value and refuses what a scenario has no use for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chaos.errors import ScenarioError

Steps = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """Plain data and, for each path into it, where it was said: `file:line`, or the option that set it."""

    source: str
    data: dict[str, Any]
    marks: Mapping[Steps, str]

    def where(self, steps: Steps) -> str:
        """Return the mark of the value at `steps`, or of the nearest value around it."""
        around = (steps[:length] for length in range(len(steps), -1, -1))
        return next((self.marks[outer] for outer in around if outer in self.marks), self.source)


def read_document(path: Path, *, shown_as: str) -> Document:
    """Read one YAML mapping from a file.

    `shown_as` is the file's name in marks and messages. Raises ScenarioError (unreadable, not YAML, a duplicate key,
    not a mapping), each with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{shown_as}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{shown_as}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    data, marks = parse_yaml(text, shown_as)
    if not isinstance(data, dict):
        what = "is empty" if data is None else f"holds {_kind(data)} at the top"
        raise ScenarioError(f"{shown_as}:1: the file {what}; a scenario is a mapping that begins with `question:`")
    return Document(shown_as, data, marks)


def parse_yaml(text: str, source: str) -> tuple[Any, dict[Steps, str]]:
    """Return the value of a YAML text and the marks of its parts; raises ScenarioError with `source` and line."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        builder = _Builder(source)
        return (None if node is None else builder.build(node, ())), builder.marks
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise ScenarioError(f"{source}:{line}: this is not YAML: {what}") from error
    except yaml.YAMLError as error:
        raise ScenarioError(f"{source}:1: this is not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise ScenarioError(f"{source}:1: is nested too deeply; a scenario needs four levels") from error


class _Builder:
    """Turn nodes into plain data, one mark a path."""

    def __init__(self, source: str) -> None:
        self._scalars = yaml.constructor.SafeConstructor()
        self._source = source
        self._open: list[yaml.Node] = []
        self.marks: dict[Steps, str] = {}

    def build(self, node: yaml.Node, steps: Steps) -> Any:
        self.marks[steps] = self._mark(node)
        if any(node is outer for outer in self._open):
            raise ScenarioError(f"{self._mark(node)}: {dotted(steps)}: the value contains itself; write it out")
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, steps)
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*steps, index)) for index, item in enumerate(node.value)]
            return self._scalar(node, steps)
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.MappingNode, steps: Steps) -> dict[str, Any]:
        result: dict[str, Any] = {}
        first_lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                raise ScenarioError(f"{self._mark(key_node)}: a key must be plain text")
            if key in result:
                raise ScenarioError(
                    f"{self._mark(key_node)}: {dotted((*steps, key))}: stands twice, first in line"
                    f" {first_lines[key]}; keep one of them"
                )
            result[key] = self.build(value_node, (*steps, key))
            # A key's line is where a reader looks, also when its value begins lower down.
            self.marks[(*steps, key)] = self._mark(key_node)
            first_lines[key] = key_node.start_mark.line + 1
        return result

    def _scalar(self, node: yaml.Node, steps: Steps) -> Any:
        try:
            return self._scalars.construct_object(node, deep=True)
        except ValueError as error:
            raise ScenarioError(f"{self._mark(node)}: {dotted(steps)}: {error}") from error

    def _mark(self, node: yaml.Node) -> str:
        return f"{self._source}:{node.start_mark.line + 1}"


def dotted(steps: Steps) -> str:
    """Write a path as a user types it: `faults.0.attributes.latency`."""
    return ".".join(str(step) for step in steps) or "the file"


def _kind(value: object) -> str:
    return {list: "a list", str: "text", bool: "a truth value"}.get(type(value), "a number")
