"""The rules over a board's JSON: ours break none, and each rule finds what it is there for."""

from collections.abc import Callable
from typing import Any

import pytest

from dashboards.lint import LANGUAGE, RULES, expressions, findings
from dashboards.promql import operations

EXPR = 'sum by (arm) (rate(load_sent_total{arm=~"$arm"}[$__rate_interval]))'


def test_no_board_breaks_a_rule(boards: dict[str, Any]) -> None:
    found = [line for one in boards.values() for line in findings(one)]

    assert not found, "\n".join(found)


def test_the_language_is_no_larger_than_what_the_boards_speak(boards: dict[str, Any]) -> None:
    assert {word for one in boards.values() for _, expr in expressions(one) for word in operations(expr)} == LANGUAGE


def graph(board: Any) -> Any:
    """Return a panel with lines."""
    return next(panel for panel in board["panels"] if panel["type"] == "timeseries")


def asks(expr: str, legend: str = "{{arm}}") -> Callable[[Any], None]:
    """Return how a board comes to ask for `expr`."""

    def spoil(board: Any) -> None:
        graph(board)["targets"][0].update(expr=expr, legendFormat=legend)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda board: board.update(editable=True), "editable"),
        (lambda board: board.update(schemaVersion=41), "schemaVersion"),
        (lambda board: board["templating"]["list"][0].update(name="source"), "no variable `datasource`"),
        (lambda board: graph(board).update(datasource={"uid": "prometheus"}), "the data source is not"),
        (lambda board: graph(board)["targets"][0].pop("datasource"), "the data source is not"),
        (lambda board: board["templating"]["list"][1].update(multi=False), "variable arm: multi"),
        (lambda board: board["templating"]["list"][1].update(allValue=""), "variable arm: allValue"),
        (lambda board: board["templating"]["list"][1].update(refresh=1), "variable arm: refresh"),
        (lambda board: board["templating"]["list"][1].update(label=""), "variable arm: label"),
        (lambda board: board["templating"]["list"][1].update(definition="arms"), "variable arm: definition"),
        (lambda board: board["templating"]["list"].pop(1), "variable arm: used and not declared"),
        (lambda board: board["templating"]["list"].append({"type": "custom", "name": "x"}), "x: declared and not used"),
        (lambda board: graph(board).update(title=""), "no title of its own"),
        (lambda board: graph(board).update(title="Circuit breakers"), "no title of its own"),
        (lambda board: graph(board).update(description="Lines"), "no sentence in description"),
        (lambda board: graph(board)["fieldConfig"]["defaults"].update(noValue=""), "no noValue"),
        (lambda board: graph(board)["fieldConfig"]["defaults"].update(unit="seconds"), "unit 'seconds'"),
        (lambda board: graph(board)["fieldConfig"]["defaults"].pop("min"), "a linear axis without min"),
        (
            lambda board: graph(board)["fieldConfig"]["defaults"]["custom"].update(scaleDistribution={"type": "log"}),
            "a log axis with min",
        ),
        (lambda board: graph(board)["options"].update(legend={}), "no legend"),
        (lambda board: graph(board).update(targets=[]), "no targets"),
        (lambda board: graph(board)["targets"][1].update(refId="A"), "two of one letter"),
        (asks(EXPR, "{{arm}} {{kind}}"), "the legend names kind"),
        (asks(EXPR, "sent {{arm}}"), "does not begin with the arm"),
        (asks("sum by (arm (up)"), "cannot be parsed"),
        (asks('avg by (arm) (db_pool_used{arm=~"$arm"})'), "avg is not of the boards' language"),
        (asks('sum by (arm) (load_sent_total{arm=~"$arm"})'), "load_sent_total outside of a rate"),
        (asks('sum by (arm) (rate(db_pool_used{arm=~"$arm"}[$__rate_interval]))'), "which is no counter"),
        (asks('sum by (arm) (rate(load_sent_total{arm=~"$arm"}[5s]))'), "a window that is not"),
        (asks("sum by (arm) (rate(load_sent_total[$__rate_interval]))"), "not filtered by arm"),
    ],
)  # fmt: skip
def test_a_mistake_is_found(board: Any, spoil: Callable[[Any], object], found: str) -> None:
    spoil(board)

    assert any(found in line for line in findings(board)), findings(board)


def test_every_rule_says_what_it_is_for() -> None:
    assert all(rule.__doc__ for rule in RULES)
