"""Evaluates a query over recorded series as Prometheus would over its own, at all steps of a grid at once.

What is known: selectors, the functions below and in `windows`, aggregations, operators with their matching, recording
rules. Anything else is refused by its name: a picture that is wrong without a word is the one thing not wanted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
    parse,
)

from chaos.errors import QueryError
from chaos.watch.promql.aggregating import AGGREGATIONS, aggregate
from chaos.watch.promql.database import Database
from chaos.watch.promql.histograms import histogram_quantile
from chaos.watch.promql.matching import Matching, merged
from chaos.watch.promql.operators import ARITHMETIC, COMPARISONS, SETS, Value, operate, vector_of
from chaos.watch.promql.problems import unsupported
from chaos.watch.promql.rules import Rules
from chaos.watch.promql.selecting import instant, selector_of, windows
from chaos.watch.promql.simple import SIMPLE
from chaos.watch.promql.vectors import MS, NAME, Grid, Scalar, Vector, labels_of
from chaos.watch.promql.windows import FUNCTIONS

# A rule may use a rule; deeper than this is a circle.
RULE_DEPTH = 8
# The C stack of a hostile query, not of any that a person writes.
MAX_DEPTH = 60


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Answers queries on one database; `rules` are the metrics that are calculated."""

    database: Database
    rules: Rules = field(default_factory=dict)

    def range(self, query: str, grid: Grid) -> Vector:
        """Return a query's value at every step, series in the order of their labels; raises QueryError."""
        value = _Evaluation(self, grid).value(parsed(query), 0)
        if isinstance(value, Scalar):
            return Vector(((),), value.values[None, :], np.ones((1, grid.steps), dtype=bool))
        there = np.flatnonzero(value.somewhere).tolist()
        order = sorted(there, key=lambda row: value.labels[row])
        return Vector(tuple(value.labels[row] for row in order), value.values[order], value.present[order])


def parsed(query: str) -> Expr:
    """Parse a query; raises QueryError with the parser's reason."""
    try:
        return parse(query)
    except ValueError as error:
        raise QueryError(f"{query[:80]}: {error}") from error


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """One query on one grid."""

    of: Evaluator
    grid: Grid
    rule_depth: int = 0

    def value(self, node: Expr, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise QueryError(f"nested deeper than {MAX_DEPTH}")
        while isinstance(node, ParenExpr):
            node = node.expr
        match node:
            case NumberLiteral():
                return Scalar(np.full(self.grid.steps, node.val))
            case UnaryExpr():
                return operate("*", self._number(-1.0), self.value(node.expr, depth + 1), Matching(), as_bool=False)
            case VectorSelector():
                return self._selected(node)
            case AggregateExpr():
                return self._aggregated(node, depth)
            case BinaryExpr():
                return self._operated(node, depth)
            case Call():
                return self._called(node.func.name, node.args, depth)
        raise unsupported("a subquery" if isinstance(node, SubqueryExpr) else type(node).__name__)

    def _number(self, figure: float) -> Scalar:
        return Scalar(np.full(self.grid.steps, figure))

    def _selected(self, node: VectorSelector) -> Vector:
        selector = selector_of(node)
        rule = self.of.rules.get(selector.name or "")
        if rule is None:
            return instant(self.of.database, selector, self.grid)
        if self.rule_depth >= RULE_DEPTH:
            raise QueryError(f"{selector.name}: rules that need each other in a circle")
        inner = _Evaluation(self.of, self.grid, self.rule_depth + 1).value(parsed(rule.expression), 0)
        vector = vector_of(inner)
        extra = {**rule.labels, NAME: selector.name or ""}
        named = vector.renamed(labels_of({**dict(labels), **extra}) for labels in vector.labels)
        rows = [row for row, labels in enumerate(named.labels) if selector.fits(labels)]
        return Vector(tuple(named.labels[row] for row in rows), named.values[rows], named.present[rows])

    def _aggregated(self, node: AggregateExpr, depth: int) -> Vector:
        operation = str(node.op)
        if operation not in AGGREGATIONS:
            raise unsupported(f"{operation}()", ", ".join(AGGREGATIONS))
        return aggregate(operation, vector_of(self.value(node.expr, depth + 1)), node.modifier)

    def _operated(self, node: BinaryExpr, depth: int) -> Value:
        operator = str(node.op)
        if operator not in ARITHMETIC and operator not in COMPARISONS and operator not in SETS:
            raise unsupported(f"the operator {operator}")
        left, right = self.value(node.lhs, depth + 1), self.value(node.rhs, depth + 1)
        as_bool = node.modifier is not None and node.modifier.return_bool
        return operate(operator, left, right, Matching.of(node.modifier), as_bool=as_bool)

    def _called(self, name: str, args: Sequence[Expr], depth: int) -> Value:
        if name in FUNCTIONS:
            return self._over_window(name, args[0])
        if name not in SIMPLE and name != "histogram_quantile":
            raise unsupported(f"{name}()", "one of " + ", ".join(sorted({*FUNCTIONS, *SIMPLE, "histogram_quantile"})))
        values = [self.value(arg, depth + 1) for arg in args]
        if name == "histogram_quantile":
            return merged(histogram_quantile(values[0].values, vector_of(values[1])))
        return SIMPLE[name](values, self.grid)

    def _over_window(self, name: str, arg: Expr) -> Vector:
        while isinstance(arg, ParenExpr):
            arg = arg.expr
        if not isinstance(arg, MatrixSelector):
            raise unsupported(f"{name}() over a subquery")
        selector = selector_of(arg.vector_selector)
        if selector.name in self.of.rules:
            raise unsupported(f"{name}() over the recorded rule {selector.name}", "the rule's own metric")
        range_ms = round(arg.range.total_seconds() * MS)
        parts = [FUNCTIONS[name](one, range_ms) for one in windows(self.of.database, selector, range_ms, self.grid)]
        found = Vector.stacked(parts, self.grid.steps)
        return found if name == "last_over_time" else merged(found.without_name())
