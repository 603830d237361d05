"""compose.yaml as plain data in which every value still knows its line: an error must say where.

PyYAML forgets lines and lets a second key of the same name win silently; Compose refuses the latter, so do we.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chaos.engines.interpolation import InterpolationError, interpolate
from chaos.errors import TopologyError

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class ComposeFile:
    """The file's content, anchors and merges resolved; `lines` maps the path of a key or item to its line, from 1."""

    path: Path
    content: dict[str, Any]
    lines: Mapping[Key, int]

    def line(self, key: Key) -> int:
        """Return the line of the value at `key`, or of the nearest value around it."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def error(self, key: Key, message: str) -> TopologyError:
        """Return the error that names the file, the line and the key."""
        where = f"{self.path.name}:{self.line(key)}"
        name = ".".join(str(part) for part in key)
        return TopologyError(f"{where}: {name}: {message}" if name else f"{where}: {message}")

    def interpolated(self, key: Key, variables: Mapping[str, str]) -> Any:
        """Return the value at `key` with every text in it interpolated; keys are left as they are, as Compose does."""
        value: Any = self.content
        for part in key:
            value = value[part]
        return self._interpolated(value, key, variables)

    def _interpolated(self, value: Any, key: Key, variables: Mapping[str, str]) -> Any:
        if isinstance(value, dict):
            return {name: self._interpolated(item, (*key, name), variables) for name, item in value.items()}
        if isinstance(value, list):
            return [self._interpolated(item, (*key, index), variables) for index, item in enumerate(value)]
        if isinstance(value, str):
            try:
                return interpolate(value, variables)
            except InterpolationError as error:
                raise self.error(key, str(error)) from None
        return value


def read_compose_file(path: Path) -> ComposeFile:
    """Read a Compose file; raises TopologyError where it is missing, is not YAML, or holds a key twice."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TopologyError(f"cannot read {path}: {error}") from error
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        reader = _Reader(loader, path)
        content = reader.value(node, ()) if node else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise TopologyError(f"{path.name}:{line}: this is not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise TopologyError(f"{path.name}: this is not YAML: {error}") from error
    finally:
        loader.dispose()
    if not isinstance(content, dict):
        raise TopologyError(f"{path.name}:1: a Compose file is a mapping with the key `services`")
    return ComposeFile(path, content, reader.lines)


class _Reader:
    """Turns YAML nodes into values and writes down the line of each."""

    def __init__(self, loader: yaml.SafeLoader, path: Path) -> None:
        self._loader = loader
        self._path = path
        self._checked: set[int] = set()
        self.lines: dict[Key, int] = {}

    def value(self, node: yaml.Node, key: Key) -> Any:
        """Return the value of a node that stands at `key`."""
        if isinstance(node, yaml.MappingNode):
            self._refuse_duplicates(node)
            # Merged pairs come first, so a key of the mapping itself overrides what `<<` brought.
            self._loader.flatten_mapping(node)
            return dict(self._pairs(node, key))
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*key, index)) for index, item in enumerate(node.value)]
        return self._loader.construct_object(node)

    def _pairs(self, node: yaml.MappingNode, key: Key) -> Iterator[tuple[str, Any]]:
        for key_node, value_node in node.value:
            name = str(self._loader.construct_object(key_node))
            self.lines[*key, name] = key_node.start_mark.line + 1
            yield name, self.value(value_node, (*key, name))

    def _item(self, node: yaml.Node, key: Key) -> Any:
        self.lines[key] = node.start_mark.line + 1
        return self.value(node, key)

    def _refuse_duplicates(self, node: yaml.MappingNode) -> None:
        # An anchor's mapping is met again by each alias, and by then holds merged pairs beside its own.
        if id(node) in self._checked:
            return
        self._checked.add(id(node))
        seen: set[str] = set()
        for key_node, _ in node.value:
            name = str(key_node.value)
            if name in seen:
                line = key_node.start_mark.line + 1
                raise TopologyError(f"{self._path.name}:{line}: the key {name} stands here twice")
            seen.add(name)
