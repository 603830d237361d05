"""A colour is an arm's, the same as in the report; a dash says which of an arm's lines it is."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from chaos.engines.topology import load_topology
from chaos.report.arms import NAIVE, PROTECTED, THIRD
from chaos.scenario.parts import PARTS
from dashboards import colours
from dashboards.model import Dash
from dashboards.shapes import SERVICE_DASHES

ROOT = Path(__file__).parents[3]


def colour_of(panel: Any, name: str) -> str:
    """Return the colour in which Grafana draws a series of this name: the last override that matches wins."""
    found: str = panel["fieldConfig"]["defaults"]["color"]["fixedColor"]
    for override in panel["fieldConfig"]["overrides"]:
        for one in override["properties"]:
            if one["id"] == "color" and re.search(override["matcher"]["options"][1:-1], name):
                found = one["value"]["fixedColor"]
    return found


def dash_of(panel: Any, name: str) -> str:
    found = "solid"
    for override in panel["fieldConfig"]["overrides"]:
        for one in override["properties"]:
            if one["id"] == "custom.lineStyle" and re.search(override["matcher"]["options"][1:-1], name):
                found = one["value"]["fill"]
    return found


def graphs(boards: dict[str, Any]) -> list[Any]:
    return [panel for one in boards.values() for panel in one["panels"] if panel["type"] == "timeseries"]


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("naive", NAIVE.light),
        ("naive checkout p95", NAIVE.light),
        ("protected", PROTECTED.light),
        ("protected orders_to_postgres failure", PROTECTED.light),
        ("async p99", THIRD.light),
        ("def p99", PROTECTED.light),
        ("blocking p99", NAIVE.light),
        ("inventory-blocking locust sent", NAIVE.light),
        # The second of two equal arms is another arm.
        ("protected-2 p95", THIRD.light),
        ("naive-2", THIRD.light),
        ("third", THIRD.light),
        ("retries", THIRD.light),
        ("default", THIRD.light),
    ],
)
def test_a_series_has_the_colour_of_its_arm_on_every_panel(boards: dict[str, Any], name: str, colour: str) -> None:
    assert {colour_of(panel, name) for panel in graphs(boards)} == {colour}


def test_arms_that_may_run_side_by_side_differ(boards: dict[str, Any]) -> None:
    names = ("naive", "protected", "retries", "timeouts", "breakers")

    assert all(len({colour_of(panel, name) for name in names}) == len(names) for panel in graphs(boards))


def test_what_was_offered_has_no_arms_colour(boards: dict[str, Any]) -> None:
    panels = [panel for panel in graphs(boards) if panel["targets"][0]["legendFormat"].startswith("offered")]

    assert panels
    assert {colour_of(panel, name) for panel in panels for name in ("offered", "offered browse")} == {colours.NEUTRAL}


def test_quantiles_are_told_apart_by_their_dash(boards: dict[str, Any]) -> None:
    panels = [
        panel for panel in graphs(boards) if any(one["legendFormat"].endswith(" p99") for one in panel["targets"])
    ]

    assert len(panels) >= 10
    for panel in panels:
        assert [dash_of(panel, f"naive {share}") for share in ("p50", "p95", "p99")] == ["dot", "solid", "dash"]


def test_every_service_has_a_dash_of_its_own_and_every_dash_is_drawn() -> None:
    """The parts too: two services of one arm, one colour and one dash could not be told apart."""
    parts = {"COMPOSE_PROFILES": ",".join(PARTS)}
    names = load_topology(ROOT / "compose.yaml", parts, None).services
    shop = {
        name.rpartition("-")[0] for name in names if name.endswith("-a") and "UVICORN_PORT" in names[name].environment
    }

    assert shop - {"gateway"} == set(dict(SERVICE_DASHES))
    assert len({style for _, style in SERVICE_DASHES}) == len(SERVICE_DASHES)
    drawn = [colours.dash("x", style)["properties"][0]["value"] for style in get_args(Dash)]
    assert len({str(one) for one in drawn}) == len(drawn)


def test_every_target_of_a_panel_of_several_is_drawn_in_its_own_style(boards: dict[str, Any]) -> None:
    """Two lines of one arm, one colour and one dash could not be told apart."""
    for panel in graphs(boards):
        names = [re.sub(r"\{\{\w+\}\}", "x", one["legendFormat"]) for one in panel["targets"]]
        styles = {(dash_of(panel, name), colour_of(panel, name)) for name in names}
        assert len(styles) == len(names), panel["title"]


def test_no_arm_is_green_or_red() -> None:
    for colour in (colours.NAIVE, colours.PROTECTED, colours.OTHER, *dict(colours.ARMS).values()):
        red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
        assert not green > max(red, blue)
        assert not red > 3 * max(green, blue)
