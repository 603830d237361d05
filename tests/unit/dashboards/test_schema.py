"""The boards' JSON is Grafana's classic model, to the last key."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.unit.dashboards.board_frame import BOARD

VALIDATOR = Draft202012Validator(BOARD)


def test_every_board_is_valid(boards: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(BOARD)
    found = [
        f"{name}: {error.json_path}: {error.message[:200]}"
        for name, one in boards.items()
        for error in VALIDATOR.iter_errors(one)
    ]

    assert len(boards) == 7
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda board: board.update(editable=True),
        lambda board: board.update(uid="Of Mine"),
        lambda board: board.pop("refresh"),
        lambda board: board["panels"][0].update(type="graph"),
        lambda board: board["panels"][0].update(yaxes=[]),
        lambda board: board["panels"][0]["gridPos"].update(w=25),
        lambda board: board["panels"][0]["targets"][0].update(format="heatmap"),
        lambda board: board["panels"][0]["targets"][0].pop("legendFormat"),
        lambda board: board["panels"][0]["targets"][0]["datasource"].update(uid="mine"),
        lambda board: board["templating"]["list"][1].update(refresh=0),
        lambda board: board["annotations"]["list"][1].update(step="60s"),
    ],
)
def test_a_board_with_a_mistake_is_not(board: Any, spoil: Callable[[Any], object]) -> None:
    assert VALIDATOR.is_valid(board)
    spoil(board)

    assert not VALIDATOR.is_valid(board)


def test_no_panel_covers_another_and_all_have_numbers_of_their_own(boards: dict[str, Any]) -> None:
    for one in boards.values():
        assert len({panel["id"] for panel in one["panels"]}) == len(one["panels"])
        for a, b in combinations([panel["gridPos"] for panel in one["panels"]], 2):
            apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
            assert apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"], one["title"]


def test_a_panel_ends_within_the_width_of_the_board(boards: dict[str, Any]) -> None:
    assert all(
        panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for one in boards.values() for panel in one["panels"]
    )
