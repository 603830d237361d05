"""Both arms' figures of this second, from the load generator's own series, beside the charts that say how it came."""

from typing import Any

from chaos.watch.promql import Grid
from chaos.watch.promql.vectors import MS, Vector
from chaos.watch.sources import Source
from loadtests.metrics import LOAD_IN_TIME_TOTAL, LOAD_LATENCY, LOAD_OFFERED_TOTAL

WINDOW = "4s"
QUERIES = {
    "offered": f"sum by (arm, kind) (rate({LOAD_OFFERED_TOTAL}[{WINDOW}]))",
    "in_time": f"sum by (arm, kind) (rate({LOAD_IN_TIME_TOTAL}[{WINDOW}]))",
    "p95_s": f"histogram_quantile(0.95, sum by (arm, kind, le) (rate({LOAD_LATENCY}_bucket[{WINDOW}]))) >= 0",
}
# The newest scrape may be a second old.
BACK_MS = 2 * MS


async def figures(source: Source, at_s: float) -> dict[str, dict[str, dict[str, float]]]:
    """Return {arm: {kind: {figure: value}}} at an instant; what cannot be said is left out."""
    at_ms = round(at_s * MS)
    grid = Grid(at_ms - BACK_MS, at_ms, MS)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for figure, answer in zip(QUERIES, await source.ask(list(QUERIES.values()), grid), strict=True):
        for labels, value in _newest(answer):
            found.setdefault(labels.get("arm", ""), {}).setdefault(labels.get("kind", ""), {})[figure] = value
    return found


def _newest(answer: Any) -> list[tuple[dict[str, str], float]]:
    if not isinstance(answer, Vector):
        return []
    return [
        (dict(labels), float(values[present][-1]))
        for labels, values, present in zip(answer.labels, answer.values, answer.present, strict=True)
        if present.any()
    ]
