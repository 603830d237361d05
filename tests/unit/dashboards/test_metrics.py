"""What a board asks for exists: every metric and label, by the registries that the processes themselves use."""

import ast
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import loadtests.metrics
import resilience.metrics
from chaos import lab_metrics
from chaos.engines.topology import load_topology
from chaos.scenario import KINDS
from dashboards import expressions as shapes
from dashboards import promql
from dashboards.experiment import CHECKOUT
from dashboards.lint import expressions
from dashboards.rules import RULES
from dashboards.service import SERVICES
from services.common.event_metrics import make_consumer_use, make_outbox_use
from services.common.job_metrics import JobMetrics, JobUse
from services.common.kit import make_kit
from services.common.metrics import PoolUse, ThreadTokens
from services.common.read_metrics import ReadUse, SearchUse

ROOT = Path(__file__).parents[3]
HISTOGRAM = ("_bucket", "_count", "_sum")


def registered() -> dict[str, set[str]]:
    """Return the labels of every metric that a process of the lab exposes, by the name that a query uses."""
    found: dict[str, set[str]] = {}
    of_the_kit = [(metric.name, metric.kind, {*metric.labels, "arm"}) for metric in resilience.metrics.METRICS]
    of_the_load = [(metric.name, metric.kind, {*metric.labels, "source"}) for metric in loadtests.metrics.METRICS]
    for name, kind, labels in (*of_the_kit, *of_the_load, *of_a_service(), *of_the_lab()):
        for suffix in HISTOGRAM if kind == "histogram" else ("",):
            found[name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return found


def of_a_service() -> Iterator[tuple[str, str, set[str]]]:
    """Yield what a service registers beside its policies."""
    kit = make_kit("orders", "naive", stream=StringIO())
    registry, metrics = kit.registry, kit.metrics
    metrics.watch_pool(lambda: PoolUse(size=0, used=0, waiting=0))
    metrics.watch_loop_lag(lambda: 0.0)
    metrics.watch_threads(lambda: ThreadTokens(size=0, used=0, waiting=0))
    metrics.answered(("GET", "/", 200), 0.1, request_id="a", wall_s=0.0)
    metrics.loop_lags((0.1,)).observe(0.1)
    metrics.watch_streams(lambda: {"sse": 0}, lambda: {"sse": 0})
    make_outbox_use(kit)
    # Only in its group it knows its lag.
    make_consumer_use(kit).joined = True
    JobMetrics(kit, JobUse(["a-job"]))
    ReadUse(kit)
    SearchUse(kit)
    of_the_policies = {metric.name for metric in resilience.metrics.METRICS}
    for family in registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if name not in of_the_policies:
            yield name, family.type, {label for sample in family.samples for label in sample.labels} - {"le"}


def of_the_lab() -> Iterator[tuple[str, str, set[str]]]:
    """Yield what a run pushes; `source` is the relay's."""
    run, fault = lab_metrics.RunLabels("slow-db", 7, "local"), lab_metrics.FaultLabels("naive", "latency", "a_to_b")
    for family in text_string_to_metric_families(lab_metrics.page(run, "fault", {fault: True})):
        yield family.name, family.type, {label for sample in family.samples for label in sample.labels} | {"source"}


def asked(boards: dict[str, Any]) -> list[tuple[str, str]]:
    rules = [(f"rule {rule.record}", rule.expr) for rule in RULES]
    return rules + [(f"{name}: {place}", expr) for name, one in boards.items() for place, expr in expressions(one)]


def test_every_metric_and_label_is_registered(boards: dict[str, Any]) -> None:
    known = registered()
    wrong = [
        f"{place}: {one.metric} {set(one.labels) - known.get(one.metric, set())}"
        for place, expr in asked(boards)
        for one in promql.selectors(expr)
        if one.metric not in known or set(one.labels) - known[one.metric]
    ]

    assert not wrong, "\n".join(wrong)


def test_every_label_that_is_grouped_by_is_one_of_what_is_grouped(boards: dict[str, Any]) -> None:
    known = registered()
    wrong = [
        f"{place}: {label}"
        for place, expr in asked(boards)
        for label in {label for labels in promql.groupings(expr) for label in labels}
        if not all(label in known[one.metric] for one in promql.selectors(expr) if one.metric in known)
    ]

    assert not wrong, "\n".join(wrong)


def test_a_variable_lists_a_label_that_its_metric_has(boards: dict[str, Any]) -> None:
    known = registered()
    for one in boards.values():
        for variable in one["templating"]["list"][1:]:
            metric, label = variable["definition"].removeprefix("label_values(").removesuffix(")").split(", ")
            assert label == variable["name"]
            assert label in known[metric]


def typed_names(text: str) -> list[str]:
    """Return the names of metrics that stand in a module's strings."""
    names = {name.removesuffix(suffix) for name in registered() for suffix in ("", *HISTOGRAM)}
    pattern = re.compile(rf"\b(?:{'|'.join(sorted(names))})(?:{'|'.join(HISTOGRAM)})?\b")
    strings = [one.value for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Constant)]
    return [found for one in strings if isinstance(one, str) for found in pattern.findall(one)]


def test_no_module_of_the_boards_types_the_name_of_a_metric() -> None:
    """A name that is typed twice is one day renamed once."""
    modules = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "dashboards").glob("*.py")}

    assert {name: typed_names(text) for name, text in modules.items() if typed_names(text)} == {}
    assert typed_names("x = f'sum by ({by}) (rate(load_sent_total[5s]))'") == ["load_sent_total"]
    assert typed_names("x = 'db_pool_used'") == ["db_pool_used"]


def test_the_services_of_the_board_are_those_of_the_shop() -> None:
    topology = load_topology(ROOT / "compose.yaml", {}, None)
    in_compose = {name.rpartition("-")[0] for name in topology.services if name.rpartition("-")[2] in ("a", "b", "c")}

    assert set(SERVICES) == in_compose
    assert len(set(SERVICES)) == len(SERVICES)


def test_a_kind_of_request_that_the_boards_name_is_one_of_the_loads() -> None:
    assert f'kind="{KINDS[0]}"' == CHECKOUT


@pytest.mark.parametrize(
    ("expr", "selectors"),
    [
        ("a", [("a", (), None, None)]),
        ('rate(a_total{b="c"}[4s])', [("a_total", ("b",), 4.0, "rate")]),
        ("sum by (x) (a) / (b > 0) or 0 * c", [("a", (), None, None), ("b", (), None, None), ("c", (), None, None)]),
        ("histogram_quantile(0.5, rate(a_bucket[$__rate_interval]))", [("a_bucket", (), 4.0, "rate")]),
        ("rate(a[2s]) + a", [("a", (), 2.0, "rate"), ("a", (), None, None)]),
    ],
)
def test_what_an_expression_selects(expr: str, selectors: list[tuple[Any, ...]]) -> None:
    assert promql.selectors(expr) == [promql.Selector(*one) for one in selectors]


def test_a_quantile_of_nothing_and_a_share_of_nothing_are_no_series() -> None:
    assert shapes.quantile(0.95, "a", "arm").endswith(" >= 0")
    assert shapes.ratio("a", "b") == "a / (b > 0)"
