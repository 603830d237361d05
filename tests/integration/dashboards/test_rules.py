"""Prometheus' own promtool takes our configuration and finds that each recording rule says what its name says."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from dashboards.rules import RULES
from tests.integration.dashboards.prometheus_tools import ROOT, program

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
DASHBOARDS = ROOT / "dashboards"


def promtool(*words: str, folder: Path) -> str:
    """Run promtool; returns what it says, fails the test where it does not agree."""
    done = subprocess.run(
        [program("promtool"), *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_configuration_and_its_rules_are_valid(tmp_path: Path) -> None:
    said = promtool("check", "config", str(DASHBOARDS / "prometheus.yml"), folder=tmp_path)

    assert f"{len(RULES)} rules found" in said


def test_each_rule_makes_of_known_series_what_its_name_says(tmp_path: Path) -> None:
    shutil.copy(DASHBOARDS / "rules.yml", tmp_path)
    shutil.copy(HERE / "rules_test.yml", tmp_path)

    assert "SUCCESS" in promtool("test", "rules", "rules_test.yml", folder=tmp_path)


def test_a_rule_that_says_something_else_is_found(tmp_path: Path) -> None:
    rules = (DASHBOARDS / "rules.yml").read_text()
    (tmp_path / "rules.yml").write_text(rules.replace("histogram_quantile(0.95", "histogram_quantile(0.5"))
    shutil.copy(HERE / "rules_test.yml", tmp_path)

    with pytest.raises(AssertionError, match=r"p95_5s"):
        promtool("test", "rules", "rules_test.yml", folder=tmp_path)


def test_every_rule_is_tested() -> None:
    cases = yaml.safe_load((HERE / "rules_test.yml").read_text())["tests"]

    assert {case["expr"] for test in cases for case in test["promql_expr_test"]} == {rule.record for rule in RULES}


def test_the_file_is_yaml_that_says_the_rules() -> None:
    (group,) = yaml.safe_load((DASHBOARDS / "rules.yml").read_text())["groups"]

    assert [(rule["record"], rule["expr"]) for rule in group["rules"]] == [(rule.record, rule.expr) for rule in RULES]
    assert all(re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z0-9_]+", rule.record) for rule in RULES)
