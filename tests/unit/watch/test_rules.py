"""Recording rules are read from the file that Prometheus reads."""

from pathlib import Path

import pytest

from chaos.errors import QueryError
from chaos.watch.promql import read_rules
from chaos.watch.promql.evaluating import parsed
from chaos.watch.promql.rules import Rule

ROOT = Path(__file__).resolve().parents[3]


def test_alerts_are_no_recorded_metrics(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(
        "groups:\n- name: shop\n  rules:\n"
        "  - {record: 'arm:up:sum', expr: sum by (arm) (up), labels: {level: arm}}\n"
        "  - {alert: Down, expr: up == 0}\n"
    )

    assert read_rules(path) == {"arm:up:sum": Rule("sum by (arm) (up)", {"level": "arm"})}


def test_no_file_means_no_rules(tmp_path: Path) -> None:
    assert read_rules(tmp_path / "rules.yml") == {}


@pytest.mark.parametrize(
    "text", ["groups: [", "groups: 5", "[]", "groups: [{name: x}]", "groups: [{rules: [{record: a}]}]"]
)
def test_a_file_that_holds_no_rules_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(text)

    with pytest.raises(QueryError, match=r"rules\.yml"):
        read_rules(path)


def test_the_projects_own_rules_are_queries() -> None:
    rules = read_rules(ROOT / "dashboards" / "rules.yml")

    assert rules
    for rule in rules.values():
        parsed(rule.expression)
