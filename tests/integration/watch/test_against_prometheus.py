"""The evaluator says what a real Prometheus says of the same samples, at every step of every query of the boards."""

import json
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from chaos.watch.boards import expressions, read_boards
from chaos.watch.promql import Database, Evaluator, Grid, read_rules
from chaos.watch.promql.vectors import NAME, Labels, Vector
from tests.integration.watch.made_up import Shop, wanted_by
from tests.integration.watch.real_prometheus import ROOT, SCRAPE_S, Prometheus, prometheus, scraping

pytestmark = pytest.mark.integration

SEED = 5
# Twelve seconds: every counter starts anew, series come and go, three scrapes fail.
SCRAPES = 48
STEP_MS = 500
WINDOWS_MS = 100
OWN = [
    "q_waiting", "q_waiting{arm='naive'}", "q_waiting{arm!~'n.*',service=~'gate.*|orders'}", "-q_waiting",
    "{__name__=~'q_.+',arm!=''}", "rate(q_calls_total[2s])", "increase(q_calls_total[2s])", "irate(q_calls_total[2s])",
    "rate(q_calls_total[700ms])", "delta(q_waiting[3s])", "sum by (arm) (rate(q_calls_total[2s]))",
    "max without (arm) (q_waiting)", "avg(q_waiting)", "min by (nothing) (q_waiting)", "count by (service) (q_waiting)",
    "group by (arm) (q_waiting)", "max_over_time(q_waiting[2s])", "min_over_time(q_waiting[2s])",
    "avg_over_time(q_waiting[2s])", "sum_over_time(q_waiting[2s])", "count_over_time(q_waiting[2s])",
    "last_over_time(q_waiting[1s])", "q_waiting > 1", "q_waiting > bool 1", "1 < q_waiting", "q_waiting % 2 ^ 2",
    "sum by (arm, outcome) (rate(q_calls_total[2s])) / ignoring (outcome) group_left sum by (arm) (q_calls_total)",
    "sum by (arm) (q_waiting) * on (arm) group_right sum by (arm, service, link) (q_waiting)",
    "sum by (arm) (q_waiting) == on (arm) sum by (arm) (q_waiting)",
    "sum by (arm) (rate(q_calls_total{outcome='ok'}[2s])) / sum by (arm) (rate(q_calls_total[2s]))",
    "sum by (arm) (rate(q_calls_total{outcome='ok'}[2s])) or 0 * sum by (arm) (rate(q_calls_total[2s]))",
    "q_waiting and on (arm) (q_waiting{service='gateway'} > 0)", "q_waiting unless q_waiting{arm='naive'}",
    "clamp_min(q_waiting, 0)", "clamp_max(q_waiting, 0.5)", "clamp(q_waiting, -1, 1)", "abs(q_waiting)",
    "vector(3)", "1 + 2",
    "histogram_quantile(0.95, sum by (le, arm) (rate(q_seconds_bucket[2s])))",
    "histogram_quantile(0.503, rate(q_seconds_bucket[2s]))", "histogram_quantile(1.5, rate(q_seconds_bucket[2s]))",
    "histogram_quantile(0.9, sum by (le) (increase(q_seconds_bucket{le!='0.001'}[4s])))",
    "histogram_quantile(0.5, q_seconds_bucket{le=~'0.001|0.1.*'})",
    "rate(q_seconds_sum[2s]) / rate(q_seconds_count[2s])", "nothing_of_this_name", "sum(nothing_of_this_name)",
]  # fmt: skip


def queries() -> list[str]:
    boards = [query for board in read_boards(ROOT / "dashboards" / "json") for query in expressions(board)]
    rules = [rule.expression for rule in read_rules(ROOT / "dashboards" / "rules.yml").values()]
    return OWN + sorted({*boards, *rules})


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    executable = prometheus()
    if executable is None:
        pytest.skip("no Prometheus on this machine: make components, or apt-get install prometheus")
    shop = Shop(wanted_by(queries()), SEED)
    with scraping(executable, shop.page, tmp_path_factory.mktemp("prometheus")) as found:
        yield found


@pytest.fixture(scope="module")
def recorded(real: Prometheus) -> tuple[Evaluator, Grid]:
    """The samples that Prometheus has, as it dates them, in a database of ours; a grid from before to after them."""
    until = _wait_for_scrapes(real)
    ups = real.ask("/api/v1/query", query="up[5m]", time=str(until))[0]["values"]
    scrapes: dict[int, dict[str, float]] = {_ms(at): {} for at, _ in ups}
    for one in real.ask("/api/v1/query", query='{__name__=~".+",__name__!~"up|scrape_.*"}[5m]', time=str(until)):
        for at, value in one["values"]:
            scrapes[_ms(at)][json.dumps(one["metric"], sort_keys=True)] = float(value)
    # Prometheus looks back five minutes, but a series that is gone has a stale marker, so that it never has to.
    database = Database(lookback_ms=300_000)
    table = database.table(("shop",), {})
    for at_ms, samples in sorted(scrapes.items()):
        table.add(at_ms, {_series(json.loads(key)): value for key, value in samples.items()})
    # Instants that are no sample's own: whether a window holds its older end differs between versions. A scrape may be
    # milliseconds late, so it is looked where none is; steps and windows are multiples of WINDOWS_MS.
    taken = {at_ms % WINDOWS_MS for at_ms in scrapes}
    free = max(range(WINDOWS_MS), key=lambda place: min(_apart(place, other) for other in taken))
    assert free not in taken
    start = (min(scrapes) // WINDOWS_MS - 10) * WINDOWS_MS + free
    return Evaluator(database), Grid(start, start + (max(scrapes) - start) // STEP_MS * STEP_MS, STEP_MS)


def _wait_for_scrapes(real: Prometheus) -> float:
    until = time.perf_counter() + 10 * SCRAPES * SCRAPE_S
    while time.perf_counter() < until:
        found = real.ask("/api/v1/query", query="up[5m]")
        if found and len(found[0]["values"]) > SCRAPES:
            return float(found[0]["values"][SCRAPES][0])
        time.sleep(SCRAPE_S)
    raise AssertionError("Prometheus did not scrape")


def _apart(one_ms: int, other_ms: int) -> int:
    between = abs(one_ms - other_ms)
    return min(between, WINDOWS_MS - between)


def _ms(at: float) -> int:
    return round(at * 1000)


def _series(metric: dict[str, str]) -> str:
    pairs = ",".join(f'{name}="{value}"' for name, value in metric.items() if name != NAME)
    return f"{metric[NAME]}{{{pairs}}}"


@pytest.mark.parametrize("query", queries())
def test_a_query_has_the_same_value_at_every_step(
    real: Prometheus, recorded: tuple[Evaluator, Grid], query: str
) -> None:
    evaluator, grid = recorded
    theirs = _theirs(real.ask("/api/v1/query_range", query=query, start=str(grid.start_ms / 1000),
                              end=str(grid.end_ms / 1000), step=f"{grid.step_ms}ms"))  # fmt: skip
    ours = _ours(evaluator.range(query, grid), grid)

    assert ours.keys() == theirs.keys()
    for labels, points in theirs.items():
        assert ours[labels].keys() == points.keys(), labels
        for at, value in points.items():
            assert _same(ours[labels][at], value), f"{labels} at {at}: {ours[labels][at]} and not {value}"


def test_nearly_every_query_has_figures(recorded: tuple[Evaluator, Grid]) -> None:
    """Two empty answers agree about nothing."""
    evaluator, grid = recorded
    nothing = [query for query in queries() if not evaluator.range(query, grid).labels]

    assert len(nothing) < 0.1 * len(queries()), nothing


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(one) and math.isnan(other))


def _theirs(result: list[dict[str, Any]]) -> dict[Labels, dict[int, float]]:
    return {
        tuple(sorted(one["metric"].items())): {_ms(at): float(value) for at, value in one["values"]} for one in result
    }


def _ours(vector: Vector, grid: Grid) -> dict[Labels, dict[int, float]]:
    times = grid.times
    return {
        labels: {int(times[step]): float(values[step]) for step in np.flatnonzero(present)}
        for labels, values, present in zip(vector.labels, vector.values, vector.present, strict=True)
    }
