"""A small board of the tests' own, with each kind of panel that the page draws."""

from typing import Any

from resilience.metrics import BREAKER_STATE
from services.common.metrics import DB_POOL_WAITING, HTTP_DURATION

NAIVE, PROTECTED = "#c2521c", "#1f66ad"


def _panel(number: int, kind: str, title: str, unit: str, *queries: tuple[str, str], **custom: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": kind,
        "title": title,
        "description": f"How {title.lower()} went.",
        "gridPos": {"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8},
        "targets": [
            {"refId": chr(65 + index), "expr": expr, "legendFormat": legend}
            for index, (expr, legend) in enumerate(queries)
        ],
        "fieldConfig": {
            "defaults": {"unit": unit, "noValue": "nothing", "custom": custom},
            "overrides": [
                {"matcher": {"id": "byRegexp", "options": rf"/^{arm}(?![\w-])/"},
                 "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}]}
                for arm, colour in (("naive", NAIVE), ("protected", PROTECTED))
            ],
        },
    }  # fmt: skip


def experiment() -> dict[str, Any]:
    """Return the board as Grafana would read it."""
    rate = f'sum by (arm) (rate({HTTP_DURATION}_count{{arm=~"$arm", service="gateway"}}[$__rate_interval]))'
    buckets = f'sum by (arm, le) (rate({HTTP_DURATION}_bucket{{arm=~"$arm"}}[$__rate_interval]))'
    p95 = f"histogram_quantile(0.95, {buckets}) >= 0"
    waiting = f"sum by (arm, service) ({DB_POOL_WAITING})"
    log = {"type": "log", "log": 10}
    states = _panel(4, "state-timeline", "Breakers", "none", (BREAKER_STATE, "{{arm}} {{link}}"))
    states["fieldConfig"]["defaults"]["mappings"] = [
        {"type": "value", "options": {
            "0": {"text": "closed", "color": "rgba(124, 132, 147, 0.12)"},
            "1": {"text": "half-open", "color": "rgba(124, 132, 147, 0.55)"},
            "2": {"text": "open", "color": "#7c8493"},
        }},
    ]  # fmt: skip
    return {
        "uid": "experiment",
        "title": "Experiment",
        "description": "What customers got, and why.",
        "schemaVersion": 42,
        "annotations": {"list": [{"name": "Faults", "enable": True, "expr": "max by (fault) (lab_fault_active) == 1"}]},
        "templating": {"list": [
            {"type": "query", "name": "arm", "label": "Arm", "allValue": ".+", "current": {"value": ["$__all"]},
             "query": {"query": f"label_values({HTTP_DURATION}_count, arm)"}},
        ]},
        "panels": [
            {"id": 1, "type": "row", "title": "Customers", "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1}, "panels": []},
            _panel(2, "timeseries", "Requests per second", "reqps", (rate, "{{arm}}")),
            _panel(3, "timeseries", "Latency, p95", "s", (p95, "{{arm}} p95"), scaleDistribution=log),
            states,
            _panel(5, "timeseries", "Waiting for the database", "short", (waiting, "{{arm}} {{service}}")),
        ],
    }  # fmt: skip


def empty(uid: str, title: str) -> dict[str, Any]:
    """Return a board without panels."""
    return {"uid": uid, "title": title, "schemaVersion": 42, "panels": []}
