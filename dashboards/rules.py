"""Recording rules: what people query again and again, under names of the form level:metric:operation.

The boards do without them: a page without Prometheus calculates the boards' own expressions. Rules for those who write
queries by hand; window and names are said here, so that they are the boards' own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from chaos.lab_metrics import FAULT_ACTIVE
from dashboards.expressions import quantile, rate
from loadtests.metrics import LOAD_IN_TIME_TOTAL, LOAD_LATENCY, LOAD_OFFERED_TOTAL
from resilience.metrics import CALL_DURATION, CALLS_TOTAL
from services.common.metrics import EVENT_LOOP_LAG, HTTP_DURATION

# Five scrapes: one that fails leaves four.
WINDOW = "5s"


@dataclass(frozen=True, slots=True)
class Rule:
    """A series that Prometheus keeps, and what it is calculated from."""

    record: str
    expr: str


def _rate(by: str, metric: str) -> Rule:
    level = by.replace(", ", "_")
    return Rule(f"{level}:{metric.removesuffix('_total')}:rate{WINDOW}", rate(metric, by, window=WINDOW))


def _quantile(by: str, metric: str, percent: int) -> Rule:
    level = by.replace(", ", "_")
    return Rule(f"{level}:{metric}:p{percent}_{WINDOW}", quantile(percent / 100, metric, by, window=WINDOW))


RULES = (
    # What customers get.
    _rate("arm", LOAD_OFFERED_TOTAL),
    _rate("arm", LOAD_IN_TIME_TOTAL),
    _quantile("arm, kind", LOAD_LATENCY, 95),
    # What services and links do.
    _rate("arm, service", f"{HTTP_DURATION}_count"),
    _quantile("arm, service", HTTP_DURATION, 99),
    _rate("arm, link, outcome", CALLS_TOTAL),
    _quantile("arm, link", CALL_DURATION, 95),
    _quantile("arm, service", EVENT_LOOP_LAG, 99),
    # 1 while anything is broken on purpose.
    Rule(f"lab:{FAULT_ACTIVE}:max", f"max({FAULT_ACTIVE})"),
)


def text() -> str:
    """Return the file that Prometheus reads."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Made by `make dashboards` from dashboards/rules.py: level:metric:operation."
    yield "groups:"
    yield "  - name: lab"
    yield "    rules:"
    for rule in RULES:
        yield f"      - record: {rule.record}"
        yield f"        expr: {rule.expr}"
