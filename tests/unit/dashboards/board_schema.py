"""A JSON Schema of the boards: Grafana's classic model 42 as far as ours use it, and nothing beside that.

Strict on purpose: a key that Grafana does not know is ignored by it without a word, and a panel then looks as if the
key had never been written.
"""

from typing import Any

Schema = dict[str, Any]


def object_of(required: Schema, optional: Schema | None = None) -> Schema:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def list_of(of: Schema, least: int = 0) -> Schema:
    return {"type": "array", "items": of, "minItems": least}


TEXT: Schema = {"type": "string", "minLength": 1}
ANY_TEXT: Schema = {"type": "string"}
YES_OR_NO: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
COLOUR: Schema = {"type": "string", "pattern": r"^(#[0-9a-f]{6}|transparent|rgba\([0-9., ]+\))$"}
PROMETHEUS: Schema = object_of({"type": {"const": "prometheus"}, "uid": {"const": "${datasource}"}})
PLACE: Schema = object_of(
    {
        "x": {"type": "integer", "minimum": 0, "maximum": 23},
        "y": {"type": "integer", "minimum": 0},
        "w": {"type": "integer", "minimum": 1, "maximum": 24},
        "h": {"type": "integer", "minimum": 1},
    }
)
FIXED: Schema = object_of({"mode": {"const": "fixed"}, "fixedColor": COLOUR})
THRESHOLDS: Schema = object_of(
    {
        "mode": {"const": "absolute"},
        "steps": list_of(object_of({"color": COLOUR, "value": {"type": ["number", "null"]}}), 1),
    }
)
OVERRIDE: Schema = object_of(
    {
        "matcher": object_of({"id": {"const": "byRegexp"}, "options": {"type": "string", "pattern": "^/.+/$"}}),
        "properties": list_of(
            {
                "oneOf": [
                    object_of({"id": {"const": "color"}, "value": FIXED}),
                    object_of(
                        {
                            "id": {"const": "custom.lineStyle"},
                            "value": object_of(
                                {"fill": {"enum": ["solid", "dash", "dot"]}}, {"dash": list_of(NUMBER, 2)}
                            ),
                        }
                    ),
                ]
            },
            1,
        ),
    }
)
MAPPING: Schema = object_of(
    {
        "type": {"const": "value"},
        "options": {
            "type": "object",
            "patternProperties": {
                r"^-?\d+$": object_of({"text": TEXT, "color": COLOUR, "index": {"type": "integer", "minimum": 0}})
            },
            "additionalProperties": False,
        },
    }
)
TARGET: Schema = object_of(
    {
        "refId": {"type": "string", "pattern": "^[A-Z]$"},
        "datasource": PROMETHEUS,
        "editorMode": {"const": "code"},
        "expr": TEXT,
        "legendFormat": TEXT,
        "range": {"const": True},
        "instant": {"const": False},
    }
)
LEGEND: Schema = {
    "displayMode": {"enum": ["list", "table"]},
    "placement": {"enum": ["bottom", "right"]},
    "showLegend": YES_OR_NO,
}
TOOLTIP: Schema = object_of({"mode": {"enum": ["single", "multi", "none"]}, "sort": {"enum": ["none", "asc", "desc"]}})
_COMMON: Schema = {
    "id": {"type": "integer", "minimum": 1},
    "gridPos": PLACE,
    "title": TEXT,
    "description": TEXT,
    "datasource": PROMETHEUS,
    "interval": {"const": "1s"},
    "targets": list_of(TARGET, 1),
}


def _field_config(custom: Schema, defaults: Schema, optional: Schema | None = None) -> Schema:
    common = {"unit": TEXT, "noValue": TEXT, "color": FIXED, "thresholds": THRESHOLDS, "custom": custom}
    return object_of({"defaults": object_of({**common, **defaults}, optional), "overrides": list_of(OVERRIDE)})


GRAPH: Schema = object_of(
    {
        **_COMMON,
        "type": {"const": "timeseries"},
        "fieldConfig": _field_config(
            object_of(
                {
                    "drawStyle": {"const": "line"},
                    "lineInterpolation": {"const": "linear"},
                    "lineWidth": NUMBER,
                    "fillOpacity": NUMBER,
                    "showPoints": {"enum": ["never", "auto", "always"]},
                    "spanNulls": YES_OR_NO,
                    "scaleDistribution": {
                        "oneOf": [
                            object_of({"type": {"const": "linear"}}),
                            object_of({"type": {"const": "log"}, "log": {"const": 10}}),
                        ]
                    },
                    "thresholdsStyle": object_of({"mode": {"enum": ["off", "dashed"]}}),
                }
            ),
            {},
            {"min": NUMBER},
        ),
        "options": object_of({"legend": object_of({**LEGEND, "calcs": list_of(TEXT)}), "tooltip": TOOLTIP}),
    }
)
TIMELINE: Schema = object_of(
    {
        **_COMMON,
        "type": {"const": "state-timeline"},
        "fieldConfig": _field_config(
            object_of({"fillOpacity": NUMBER, "lineWidth": NUMBER, "spanNulls": YES_OR_NO}),
            {"mappings": list_of(MAPPING, 1)},
        ),
        "options": object_of(
            {
                "mergeValues": YES_OR_NO,
                "showValue": {"enum": ["auto", "always", "never"]},
                "alignValue": {"enum": ["left", "center", "right"]},
                "rowHeight": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                "legend": object_of(LEGEND),
                "tooltip": TOOLTIP,
            }
        ),
    }
)
ROW: Schema = object_of(
    {
        "id": {"type": "integer", "minimum": 1},
        "gridPos": PLACE,
        "type": {"const": "row"},
        "title": TEXT,
        "collapsed": {"const": False},
        "panels": {"const": []},
    }
)
