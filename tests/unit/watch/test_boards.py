"""A dashboard's JSON is asked as Grafana would ask it."""

import json
from pathlib import Path
from typing import Any

import pytest

from chaos.errors import QueryError
from chaos.watch.boards import Board, Target, expressions, read_boards

BOARD: dict[str, Any] = {
    "uid": "one",
    "title": "One",
    "templating": {"list": [{"name": "arm", "allValue": ".+"}, {"name": "link"}]},
    "annotations": {"list": [{"type": "dashboard"}, {"expr": "on == 1"}, {"expr": "off == 1", "enable": False}]},
    "panels": [
        {"id": 1, "type": "row", "panels": [
            {"id": 2, "targets": [{"expr": 'up{arm=~"$arm"}', "legendFormat": "{{arm}}"}]},
        ]},
        {"id": 3, "targets": [{"refId": "Z", "expr": "rate(calls[$__rate_interval])"}, {"refId": "Y"}]},
    ],
}  # fmt: skip


@pytest.fixture
def board() -> Board:
    return Board("one", "One", BOARD)


def test_panels_of_a_row_are_panels(board: Board) -> None:
    assert [panel["id"] for panel in board.panels()] == [1, 2, 3]
    assert board.targets(2) == (Target("A", 'up{arm=~"$arm"}', "{{arm}}"),)
    with pytest.raises(QueryError, match="no panel 9"):
        board.targets(9)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ('up{arm=~"$arm"}', 'up{arm=~".+"}'),
        ('up{link=~"${link}",arm="[[arm]]"}', 'up{link=~"orders_to_bank",arm=".+"}'),
        ('up{link=~"${link:regex}"}', 'up{link=~"orders_to_bank"}'),
        ("rate(calls[$__rate_interval])", "rate(calls[4s])"),
        ("rate(calls[$__interval])", "rate(calls[1s])"),
    ],
)
def test_a_variable_is_what_was_chosen_or_everything(board: Board, text: str, filled: str) -> None:
    assert board.filled(text, {"link": "orders_to_bank"}, 1.0) == filled


def test_the_interval_grows_with_the_step_as_in_grafana(board: Board) -> None:
    assert board.filled("[$__rate_interval]", {}, 10.0) == "[11s]"


@pytest.mark.parametrize("value", ['a"} or up{x="', "a.*", "a\\d", "", "x" * 500])
def test_a_value_that_could_change_a_query_is_refused(board: Board, value: str) -> None:
    with pytest.raises(QueryError, match="not a value"):
        board.filled("$arm", {"arm": value}, 1.0)


def test_several_values_come_as_grafana_writes_them(board: Board) -> None:
    assert board.filled("$arm", {"arm": "(naive|protected)"}, 1.0) == "(naive|protected)"


def test_an_unknown_variable_is_named(board: Board) -> None:
    with pytest.raises(QueryError, match="no variable nonsense"):
        board.filled("$nonsense", {}, 1.0)


def test_every_query_of_a_board_is_listed(board: Board) -> None:
    assert expressions(board) == ['up{arm=~".+"}', "rate(calls[4s])", "on == 1"]


def test_boards_stand_in_the_order_of_the_readers_questions(tmp_path: Path) -> None:
    for name in ("load", "own", "experiment", "event-loop", "service"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"uid": name, "title": name}))

    assert [one.uid for one in read_boards(tmp_path)] == ["experiment", "service", "event-loop", "load", "own"]


@pytest.mark.parametrize("text", ["{", "[]", '{"uid": "x"}'])
def test_a_file_that_is_no_board_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "broken.json").write_text(text)

    with pytest.raises(QueryError, match=r"broken\.json"):
        read_boards(tmp_path)
