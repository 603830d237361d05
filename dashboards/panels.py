"""Panels as Grafana's JSON; `dashboards.grafana` puts them in their places."""

from typing import Any

from dashboards import colours
from dashboards.model import Graph, Panel, Query, Timeline

SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def panel(part: Panel) -> dict[str, Any]:
    """Return a panel without its number and its place."""
    return {
        "title": part.title,
        "description": part.text,
        "datasource": SOURCE,
        # No finer than the scrapes.
        "interval": "1s",
        "targets": [_target(number, query) for number, query in enumerate(part.queries)],
        **(_timeline(part) if isinstance(part, Timeline) else _graph(part)),
    }


def _target(number: int, query: Query) -> dict[str, Any]:
    return {
        "refId": chr(ord("A") + number),
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "legendFormat": query.legend,
        "range": True,
        "instant": False,
    }


def _graph(panel: Panel) -> dict[str, Any]:
    if not isinstance(panel, Graph):
        raise TypeError(f"{panel.title}: a panel is a Graph or a Timeline")
    scale: dict[str, Any] = {"type": "log", "log": 10} if panel.log else {"type": "linear"}
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "noValue": panel.nothing,
        "color": colours.fallback(),
        "thresholds": colours.thresholds(panel.limits),
        "custom": {
            "drawStyle": "line",
            "lineInterpolation": "linear",
            "lineWidth": 2,
            "fillOpacity": 0,
            "showPoints": "never",
            "spanNulls": False,
            "scaleDistribution": scale,
            "thresholdsStyle": {"mode": "dashed" if panel.limits else "off"},
        },
    }
    # A log axis has no 0.
    if panel.least is not None and not panel.log:
        defaults["min"] = panel.least
    overrides = [
        *colours.of_arms(),
        *map(colours.without_arm, panel.plain),
        *(colours.dash(word, style) for word, style in panel.dashes),
    ]
    return {
        "type": "timeseries",
        "fieldConfig": {"defaults": defaults, "overrides": overrides},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


def _timeline(panel: Timeline) -> dict[str, Any]:
    return {
        "type": "state-timeline",
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "noValue": panel.nothing,
                "color": {"mode": "fixed", "fixedColor": colours.NEUTRAL},
                "mappings": colours.mappings(panel.states),
                "thresholds": colours.thresholds(()),
                "custom": {"fillOpacity": 85, "lineWidth": 0, "spanNulls": False},
            },
            "overrides": [],
        },
        "options": {
            "mergeValues": True,
            "showValue": "auto",
            "alignValue": "left",
            "rowHeight": 0.8,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    }
