"""One colour an arm, the same as in the report and the terminal; green and red are for good and bad alone.

Grafana colours series by what their legend says, and ours all begin with the arm.
"""

import re
from typing import Any

from dashboards.model import Dash, Limit, State

NAIVE = "#c2521c"
PROTECTED = "#1f66ad"
# Every arm of another name.
OTHER = "#6b5ca5"
# By the arm's name, the later ones win. Of the handlers, the one that blocks is the one to avoid; who asks an inventory
# directly has its name for an arm.
ARMS: tuple[tuple[str, str], ...] = (
    ("naive|blocking", NAIVE),
    ("protected|def", PROTECTED),
    # Where several other arms run at once: lighter and darker.
    ("timeouts", "#9a8bd6"),
    ("breakers", "#43366f"),
)
# What has no arm: offered load, limits.
NEUTRAL = "#7c8493"
BAD = "#b3261e"
FAULT = "#7c8493"
QUIET = "rgba(124, 132, 147, 0.12)"
HALF = "rgba(124, 132, 147, 0.55)"
FULL = "#7c8493"

# Grafana's word for each, and how long its lines and gaps are.
_STYLES: dict[Dash, dict[str, Any]] = {
    "solid": {"fill": "solid"},
    "dash": {"fill": "dash", "dash": [10, 6]},
    "dot": {"fill": "dot", "dash": [2, 5]},
    "mixed": {"fill": "dash", "dash": [14, 5, 2, 5]},
    "sparse": {"fill": "dot", "dash": [2, 11]},
    "long": {"fill": "dash", "dash": [20, 5]},
    "twice": {"fill": "dash", "dash": [10, 4, 2, 4, 2, 4]},
}


def of_arms() -> list[dict[str, Any]]:
    """Return Grafana's overrides that give each arm its colour."""
    return [_override(rf"^(inventory-)?({names})(?![\w-])", "color", _fixed(colour)) for names, colour in ARMS]


def without_arm(word: str) -> dict[str, Any]:
    """Return the override for series of no arm, whose names begin with `word`."""
    return _override(rf"^{word}(?![\w-])", "color", _fixed(NEUTRAL))


def dash(word: str, style: Dash) -> dict[str, Any]:
    """Return the override that draws the series whose name ends in `word` in a style."""
    return _override(rf"(^|\s){re.escape(word)}$", "custom.lineStyle", _STYLES[style])


def fallback() -> dict[str, Any]:
    """Return the colour of a series that no override knows."""
    return _fixed(OTHER)


def thresholds(limits: tuple[Limit, ...]) -> dict[str, Any]:
    """Return Grafana's thresholds: nothing below the first, then a line at each."""
    steps: list[dict[str, Any]] = [{"color": "transparent", "value": None}]
    steps += [{"color": BAD if limit.bad else NEUTRAL, "value": limit.value} for limit in limits]
    return {"mode": "absolute", "steps": steps}


def mappings(states: tuple[State, ...]) -> list[dict[str, Any]]:
    """Return what Grafana shows for each number of a state."""
    options = {
        str(state.value): {"text": state.text, "color": state.colour, "index": index}
        for index, state in enumerate(states)
    }
    return [{"type": "value", "options": options}]


def _fixed(colour: str) -> dict[str, Any]:
    return {"mode": "fixed", "fixedColor": colour}


def _override(pattern: str, property_: str, value: Any) -> dict[str, Any]:
    # As JavaScript writes a regular expression: its own slashes escaped.
    escaped = pattern.replace("/", r"\/")
    return {
        "matcher": {"id": "byRegexp", "options": f"/{escaped}/"},
        "properties": [{"id": property_, "value": value}],
    }
