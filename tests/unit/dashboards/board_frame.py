"""The rest of the boards' JSON Schema: what stands around the panels."""

from tests.unit.dashboards.board_schema import (
    ANY_TEXT,
    COLOUR,
    GRAPH,
    PROMETHEUS,
    ROW,
    TEXT,
    TIMELINE,
    YES_OR_NO,
    Schema,
    list_of,
    object_of,
)

_CURRENT: Schema = object_of(
    {"text": {"type": ["string", "array"], "minLength": 1}, "value": {"type": ["string", "array"], "minLength": 1}}
)
_VARIABLE: Schema = {
    "name": {"type": "string", "pattern": "^[a-z]+$"},
    "label": TEXT,
    "regex": ANY_TEXT,
    "refresh": {"enum": [1, 2]},
    "hide": {"const": 0},
    "multi": YES_OR_NO,
    "includeAll": YES_OR_NO,
    "current": _CURRENT,
    "options": {"const": []},
}
SOURCE_VARIABLE: Schema = object_of({**_VARIABLE, "type": {"const": "datasource"}, "query": {"const": "prometheus"}})
QUERY_VARIABLE: Schema = object_of(
    {
        **_VARIABLE,
        "type": {"const": "query"},
        "datasource": PROMETHEUS,
        "definition": TEXT,
        "query": object_of({"query": TEXT, "refId": TEXT}),
        "sort": {"enum": [0, 1]},
        "allValue": TEXT,
    }
)
_ANNOTATION: Schema = {"name": TEXT, "enable": YES_OR_NO, "hide": YES_OR_NO, "iconColor": COLOUR}
GRAFANAS_OWN: Schema = object_of(
    {
        **_ANNOTATION,
        "builtIn": {"const": 1},
        "datasource": object_of({"type": {"const": "grafana"}, "uid": {"const": "-- Grafana --"}}),
        "type": {"const": "dashboard"},
    }
)
FAULTS: Schema = object_of(
    {
        **_ANNOTATION,
        "datasource": PROMETHEUS,
        "expr": TEXT,
        "step": {"const": "1s"},
        "target": object_of({"refId": TEXT, "expr": TEXT, "interval": {"const": "1s"}}),
        "titleFormat": TEXT,
        "textFormat": ANY_TEXT,
        "tagKeys": TEXT,
        "useValueForTime": {"const": False},
    }
)
LINK: Schema = object_of(
    {
        "type": {"const": "dashboards"},
        "title": TEXT,
        "tags": list_of(TEXT, 1),
        "asDropdown": YES_OR_NO,
        "includeVars": YES_OR_NO,
        "keepTime": YES_OR_NO,
        "targetBlank": YES_OR_NO,
        "icon": TEXT,
        "tooltip": ANY_TEXT,
        "url": {"const": ""},
    }
)
BOARD: Schema = object_of(
    {
        "uid": {"type": "string", "pattern": "^[a-z][a-z-]{0,39}$"},
        "title": TEXT,
        "description": TEXT,
        "tags": list_of(TEXT, 1),
        "schemaVersion": {"const": 42},
        "version": {"const": 1},
        "editable": {"const": False},
        "refresh": {"enum": ["1s", "2s", "5s"]},
        "time": object_of({"from": {"const": "now-15m"}, "to": {"const": "now"}}),
        "timepicker": object_of({"refresh_intervals": list_of(TEXT, 1)}),
        "timezone": {"const": "browser"},
        "graphTooltip": {"const": 1},
        "annotations": object_of({"list": list_of({"oneOf": [GRAFANAS_OWN, FAULTS]}, 2)}),
        "links": list_of(LINK, 1),
        "templating": object_of({"list": list_of({"oneOf": [SOURCE_VARIABLE, QUERY_VARIABLE]}, 2)}),
        "panels": list_of({"oneOf": [GRAPH, TIMELINE, ROW]}, 1),
    }
)
