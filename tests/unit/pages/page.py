"""A policy's page and the modules it is about, taken apart: what the tests of the pages compare."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs" / "policies"
MODULES = {path.stem: path for path in (ROOT / "resilience").glob("*.py") if path.stem != "__init__"}

# What policies stand on, what listens to them, what is said about them: no page of its own.
BASE = {
    "asgi",
    "bounds",
    "call_tree",
    "clock",
    "errors",
    "events",
    "lint",
    "lint_rules",
    "link_numbers",
    "logs",
    "lookup",
    "metrics",
    "metrics_histogram",
    "metrics_listener",
    "outcome",
    "profiles",
    "states",
}
# A module that is a part of another policy: that policy's page. Every other module has the page of its own name.
PART_OF = {
    "admission_queue": "load-shedding",
    "breaker_machine": "breaker",
    "budget": "retry-budget",
    "build": "pipeline",
    "codel": "load-shedding",
    "deadline_asgi": "deadline",
    "hedge": "hedging",
    "idempotency_postgres": "idempotency",
    "latency_quantile": "hedging",
    "link": "pipeline",
    "rate_limiter_redis": "rate-limiter",
    "retry_allowance": "retry-budget",
    "retry_throttle": "retry-budget",
    "retry_waits": "retry",
    "stale_cache_store": "stale-cache",
    "windows": "breaker",
}
HEADINGS = ["When", "How", "Copy", "Defaults", "What it emits", "Without it", "With it"]
SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Line:
    """A line of a page and its number, from 1 on."""

    number: int
    text: str


@dataclass(frozen=True)
class Block:
    """A code block: its language, the number of its first line of code, the code."""

    language: str
    number: int
    code: str


class Page:
    """One page, by its name (breaker, retry-budget)."""

    def __init__(self, name: str) -> None:
        self.name = name
        text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
        self.lines = [Line(number, line) for number, line in enumerate(text.splitlines(), start=1)]

    def at(self, number: int) -> str:
        """Return a place to begin a message with: an editor opens it."""
        return f"docs/policies/{self.name}.md:{number}"

    def prose(self) -> list[Line]:
        """Return the lines outside of code blocks."""
        kept, inside = [], False
        for line in self.lines:
            fence = line.text.startswith("```")
            if not (inside or fence):
                kept.append(line)
            inside ^= fence
        return kept

    def headings(self, level: int = 2) -> list[Line]:
        """Return the headings of a level, without their marks."""
        mark = "#" * level + " "
        return [Line(line.number, line.text.removeprefix(mark)) for line in self.prose() if line.text.startswith(mark)]

    def section(self, heading: str) -> list[Line]:
        """Return the lines below a heading, up to the next; empty where the page has no such heading."""
        starts = self.headings()
        begin = next((line.number for line in starts if line.text == heading), None)
        if begin is None:
            return []
        end = next((line.number for line in starts if line.number > begin), len(self.lines) + 1)
        return self.lines[begin : end - 1]

    def blocks(self, heading: str) -> list[Block]:
        """Return the code blocks of a section."""
        found: list[Block] = []
        begin: Line | None = None
        for line in self.section(heading):
            if not line.text.startswith("```"):
                continue
            if begin is None:
                begin = line
                continue
            code = "".join(f"{inner.text}\n" for inner in self.lines[begin.number : line.number - 1])
            found.append(Block(begin.text.removeprefix("```"), begin.number + 1, code))
            begin = None
        return found

    def app(self) -> Block:
        """Return the code of the section How."""
        return self.blocks("How")[0]

    def modules(self) -> list[str]:
        """Return the modules that the page is about."""
        return sorted(module for module in MODULES if page_of(module) == self.name)


def page_of(module: str) -> str | None:
    """Return the name of a module's page, None for a base module."""
    return None if module in BASE else PART_OF.get(module, module.replace("_", "-"))


def imports(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and full name of every module that a source imports from."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def source_of(module: str) -> str:
    return MODULES[module].read_text(encoding="utf-8")


def ours(source: str) -> set[str]:
    """Return the modules of resilience/ that a source imports from."""
    return {name.removeprefix("resilience.") for _, name in imports(source) if name.startswith("resilience.")}


def closure(source: str) -> set[str]:
    """Return the modules of resilience/ that a source needs, with all that these need."""
    needed: set[str] = set()
    ahead = ours(source)
    while ahead:
        module = ahead.pop()
        needed.add(module)
        ahead |= ours(source_of(module)) - needed
    return needed


def settings_fields(module: str) -> dict[str, list[str]]:
    """Return the fields of a module's settings: of the dataclasses that check their values, or are called Settings."""
    return {
        node.name: [
            ast.unparse(inner.target)
            for inner in node.body
            if isinstance(inner, ast.AnnAssign) and "ClassVar" not in ast.unparse(inner.annotation)
        ]
        for node in ast.parse(source_of(module)).body
        if isinstance(node, ast.ClassDef)
        and any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)
        and (
            node.name.endswith("Settings") or any(getattr(inner, "name", "") == "__post_init__" for inner in node.body)
        )
    }


def names_in(module: str) -> set[str]:
    """Return the names that a module defines at its top, with the members of its classes."""
    found: set[str] = set()
    for node in ast.parse(source_of(module)).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found.update(target.id for target in targets if isinstance(target, ast.Name))
    return found


def imported_from(module: str, source: str) -> set[str]:
    """Return the names that a source imports from one module of resilience/."""
    return {
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module == f"resilience.{module}"
        for alias in node.names
    }
