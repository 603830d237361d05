"""What is in an expression of a board: its selectors and the operations on them, by a parser of Prometheus' grammar."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser as parser

VALUES = {
    "$__rate_interval": "4s",
    "$arm": ".+",
    "$service": ".+",
    "$link": ".+",
}
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric as it is selected. `window` are the seconds of its range, `call` the function right around it."""

    metric: str
    labels: tuple[str, ...]
    window_s: float | None = None
    call: str | None = None


def variables(expr: str) -> set[str]:
    """Return the names of the variables in an expression."""
    return set(_VARIABLE.findall(expr))


def filled(expr: str) -> str:
    """Put values for the variables; parsers of the language refuse a dollar."""
    for name, value in VALUES.items():
        expr = expr.replace(name, value)
    return expr


def parsed(expr: str) -> Any:
    """Return the tree of an expression, variables filled in; raises ValueError with what is wrong."""
    return parser.parse(filled(expr))


def nodes(tree: Any) -> Iterator[Any]:
    """Yield a tree's nodes, parents first."""
    yield tree
    for child in _children(tree):
        yield from nodes(child)


def selectors(expr: str) -> list[Selector]:
    """Return what an expression selects, from left to right; raises ValueError for what cannot be parsed."""
    return list(_selectors(parsed(expr), None))


def operations(expr: str) -> set[str]:
    """Return the functions, aggregations and operators of an expression; raises ValueError as `parsed`."""
    found = set()
    for node in nodes(parsed(expr)):
        if isinstance(node, parser.Call):
            found.add(node.func.name)
        elif isinstance(node, parser.AggregateExpr | parser.BinaryExpr):
            found.add(str(node.op))
        elif isinstance(node, parser.SubqueryExpr | parser.UnaryExpr):
            found.add(type(node).__name__)
    return found


def groupings(expr: str) -> list[tuple[str, ...]]:
    """Return the labels by which each aggregation of an expression groups; raises ValueError as `parsed`."""
    trees = [node for node in nodes(parsed(expr)) if isinstance(node, parser.AggregateExpr)]
    return [tuple(tree.modifier.labels) if tree.modifier else () for tree in trees]


def _selectors(tree: Any, call: str | None) -> Iterator[Selector]:
    if isinstance(tree, parser.VectorSelector):
        yield _selector(tree, None, call)
    elif isinstance(tree, parser.MatrixSelector):
        yield _selector(tree.vector_selector, tree.range.total_seconds(), call)
    else:
        inside = tree.func.name if isinstance(tree, parser.Call) else None
        for child in _children(tree):
            yield from _selectors(child, inside)


def _selector(tree: Any, window_s: float | None, call: str | None) -> Selector:
    labels = tuple(matcher.name for matcher in tree.matchers.matchers)
    return Selector(tree.name or "", labels, window_s, call)


def _children(tree: Any) -> list[Any]:
    if isinstance(tree, parser.BinaryExpr):
        return [tree.lhs, tree.rhs]
    if isinstance(tree, parser.Call):
        return list(tree.args)
    if isinstance(tree, parser.MatrixSelector):
        return [tree.vector_selector]
    inner = getattr(tree, "expr", None)
    param = getattr(tree, "param", None)
    return [child for child in (param, inner) if child is not None]
