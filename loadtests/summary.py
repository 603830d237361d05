"""The figures of a test that is over, as data: who reads them decides how they look."""

from typing import Any

from loadtests.counts import Counts, Line, quantile
from loadtests.metrics import LATE_S

QUANTILES = (0.5, 0.9, 0.95, 0.99)


def summary(counts: Counts, arm: str, host: str) -> dict[str, Any]:
    """Return the figures of all arms and kinds together, and of each. Latencies in ms; None where nothing ended."""
    lines = list(counts.lines.items())
    return {
        "arm": arm,
        "host": host,
        "late_s": LATE_S,
        **_figures([line for _, line in lines]),
        "lines": [{"arm": at, "kind": kind, **_figures([line])} for (at, kind), line in lines if line.offered],
    }


def _figures(lines: list[Line]) -> dict[str, Any]:
    merged = Line()
    for line in lines:
        merged.add(line)
    return {
        "offered": merged.offered,
        "sent": merged.sent,
        "late": merged.late,
        "skipped": merged.skipped,
        "in_time": merged.in_time,
        "outcomes": merged.outcomes,
        **{f"p{share * 100:g}_ms": _ms(quantile([merged], share)) for share in QUANTILES},
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
