"""Boards as Grafana's classic JSON: the one form that its file provisioning takes in every version since 10.

The same board makes the same bytes, so that a diff shows what changed and a test notices what was not made again.
"""

import json
from collections.abc import Iterator
from typing import Any

from chaos.lab_metrics import FAULT_ACTIVE
from dashboards import colours
from dashboards.expressions import ARM, label_values, most
from dashboards.model import Board, Choice, Row
from dashboards.panels import SOURCE, panel

SCHEMA_VERSION = 42
# Every board's, and what the links between them go by.
TAG = "chaos-lab"
COLUMNS = 24
# The data source's uid in dashboards/provisioning/datasources.yaml.
SOURCE_UID = "prometheus"
FAULTS = f"{most(FAULT_ACTIVE, 'fault', ARM)} == 1"


def text(board: Board) -> str:
    """Return the file of a board."""
    return json.dumps(dashboard(board), indent=1, ensure_ascii=False) + "\n"


def dashboard(board: Board) -> dict[str, Any]:
    """Return a board as Grafana's classic model."""
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.question,
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "refresh": "2s",
        "time": {"from": "now-15m", "to": "now"},
        "timepicker": {"refresh_intervals": ["1s", "2s", "5s", "30s"]},
        "timezone": "browser",
        # One cursor through all panels.
        "graphTooltip": 1,
        "annotations": {"list": [_grafanas_own(), _faults()]},
        "links": [_to_the_others()],
        "templating": {"list": [_data_source(), *map(_variable, board.choices)]},
        "panels": list(_placed(board)),
    }


def _grafanas_own() -> dict[str, Any]:
    return {
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": True,
        "hide": True,
        "iconColor": colours.NEUTRAL,
        "name": "Annotations & Alerts",
        "type": "dashboard",
    }


def _faults() -> dict[str, Any]:
    """Return the query whose points Grafana joins into bands."""
    return {
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": colours.FAULT,
        "name": "Faults",
        # Before Grafana 12 the query stood here, since then it stands in `target`.
        "expr": FAULTS,
        "step": "1s",
        "target": {"refId": "Anno", "expr": FAULTS, "interval": "1s"},
        "titleFormat": "{{fault}}",
        "textFormat": "",
        "tagKeys": "fault",
        "useValueForTime": False,
    }


def _to_the_others() -> dict[str, Any]:
    return {
        "type": "dashboards",
        "title": "Boards",
        "tags": [TAG],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }


def _data_source() -> dict[str, Any]:
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "regex": "",
        "refresh": 1,
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "current": {"text": "Prometheus", "value": SOURCE_UID},
        "options": [],
    }


def _variable(choice: Choice) -> dict[str, Any]:
    query = label_values(choice.metric, choice.name)
    shown, value = (choice.first, choice.first) if choice.first is not None else ("All", "$__all")
    return {
        "type": "query",
        "name": choice.name,
        "label": choice.label,
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": "Variable"},
        "regex": "",
        # With each change of the time range: arms come and go with runs.
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": [shown], "value": [value]},
        "options": [],
    }


def _placed(board: Board) -> Iterator[dict[str, Any]]:
    """Yield the panels from left to right and from top to bottom."""
    x = y = height = 0
    for number, part in enumerate(board.parts, start=1):
        width = COLUMNS if isinstance(part, Row) else part.width
        if x + width > COLUMNS or isinstance(part, Row):
            x, y, height = 0, y + height, 0
        if isinstance(part, Row):
            yield {"id": number, "type": "row", "title": part.title, "collapsed": False, "panels": [],
                   "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}}  # fmt: skip
            y += 1
            continue
        yield {"id": number, "gridPos": {"x": x, "y": y, "w": width, "h": part.height}, **panel(part)}
        x, height = x + width, max(height, part.height)
