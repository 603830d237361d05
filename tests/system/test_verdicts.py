"""Whole scenarios on the local engine: true where the fault is real, never CONFIRMED on no evidence."""

from pathlib import Path

import pytest

from chaos.engines.components import FORCE_TOXIPROXY
from chaos.run import Run
from tests.conformance.servers import real_binary
from tests.system.lab import lab, left_running, phases, run_of

pytestmark = pytest.mark.system

# For a run whose recovery nobody judges.
SHORTER = phases(recovery_s=2)


def doubts(run: Run) -> set[str]:
    """Return the names of the evidence that does not hold."""
    return {piece.name for piece in run.evidence if not piece.holds}


def undisturbed(scenario: str, *words: str, runs: Path) -> Run:
    """Run a scenario until the machine let it be judged, at most three times.

    A machine busy with other work makes the generator late or the shop unwell before the fault, and the lab says so
    itself. What is no matter of the machine is asserted on every try: the schedule was sent whole, to every arm.
    """
    for _ in range(3):
        ended = lab("run", scenario, *words, runs=runs)
        run = run_of(runs, Path(scenario).stem)
        assert ended.code == run.verdict.exit_code, ended.output
        assert left_running() == []
        assert run.load.skipped == 0
        assert run.load.sent == run.load.arrivals * len(run.arms)
        if doubts(run).isdisjoint({"load_true", "well_at_start"}):
            return run
    pytest.fail(f"this machine is too busy to judge on: {[one.detail for one in run.evidence if not one.holds]}")


@pytest.fixture(scope="module")
def slow_db(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """Return the run and its folder.

    The fault is as long as the file's: the share of slow answers, those until the breakers open, rests on it.
    """
    runs = tmp_path_factory.mktemp("runs")
    run = undisturbed("slow-db", *phases(baseline_s=5, fault_s=20, recovery_s=8), runs=runs)
    return run, runs / "slow-db" / "latest"


def test_slow_db_is_confirmed(slow_db: tuple[Run, Path]) -> None:
    """One slow database takes the naive shop down and the protected one not, and no order is lost on the way."""
    run, folder = slow_db
    assert run.verdict.word == "CONFIRMED", run.verdict.reasons
    assert {path.name for path in folder.iterdir()} >= {
        "run.json", "report.html", "requests.csv", "probes.csv", "metrics.jsonl.gz", "scenario.yaml", "logs",
    }  # fmt: skip


def test_a_run_that_needs_no_part_starts_none(slow_db: tuple[Run, Path]) -> None:
    """No Kafka, no MySQL, no service on them, no figure of events: as light as before there were any."""
    run, folder = slow_db
    assert {one.name for one in run.components}.isdisjoint({"kafka", "mysql"})
    assert all(kept.events is None for kept in run.ledger.values())
    assert not [name for name in run.figures["naive"]["recovery"] if name.startswith(("events.", "notifications."))]
    started = {path.stem for path in (folder / "logs").iterdir()}
    assert "postgres" in started
    assert not [name for name in started if name.startswith(("kafka", "mysql", "notifications", "catalog"))]


def test_without_its_fault_slow_db_is_not_confirmed(tmp_path: Path) -> None:
    """A scenario whose fault is taken out does not pass: its naive arm does not collapse."""
    run = undisturbed("slow-db", "--set", "faults=[]", *SHORTER, runs=tmp_path)
    assert run.verdict.word in ("REFUTED", "NOT PROVEN")
    assert any(one.arm == "naive" and one.word == "REFUTED" for one in run.expectations)


def test_without_load_nothing_is_proven(tmp_path: Path) -> None:
    """A run with zero load is NOT PROVEN, for want of requests."""
    no_load = ("--set", "load.checkout_per_s=0", "--set", "load.browse_per_s=0")
    ended = lab("run", "slow-db", *no_load, *phases(settle_s=0, baseline_s=1, fault_s=1, recovery_s=1), runs=tmp_path)
    run = run_of(tmp_path, "slow-db")
    assert (ended.code, run.verdict.word) == (2, "NOT PROVEN"), ended.output
    assert "enough_requests" in doubts(run)


def test_a_fault_that_the_load_does_not_meet_is_not_confirmed(tmp_path: Path) -> None:
    """Browsing never reaches the bank: that it goes on while the bank is slow proves nothing, and is not CONFIRMED."""
    file = tmp_path / "unmet.yaml"
    file.write_text(
        """
question: Does browsing mind a slow bank?
arms: [naive, protected]
load: {checkout_per_s: 0, browse_per_s: 50}
faults:
  - {type: latency, links: [payments_to_bank], attributes: {latency: 800}}
expect:
  - {arm: protected, phase: fault, figure: browse.answered_share, at_least: 0.99}
"""
    )
    run = undisturbed(str(file), *SHORTER, runs=tmp_path)
    assert run.verdict.word == "NOT PROVEN"
    # The fault was there and there were requests: what is missing is that they met.
    assert doubts(run) == {"link_used"}


def test_three_equal_arms_do_not_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An A/A run shows no difference beyond its interval; the third slot of compose.yaml is an arm like the others.

    Through the real Toxiproxy where it is on this machine.
    """
    if (real := real_binary()) is not None:
        monkeypatch.setenv(FORCE_TOXIPROXY, real)
    # A third arm is half as much work again: less for each, so that two cores carry it.
    load = ("--set", "load.checkout_per_s=25", "--set", "load.browse_per_s=25")
    run = undisturbed("healthy", "--arms", "protected,protected,protected", *load, *phases(), runs=tmp_path)
    assert [(arm.name, arm.slot) for arm in run.arms] == [
        ("protected", "a"),
        ("protected-2", "b"),
        ("protected-3", "c"),
    ]
    judged = [one for one in run.expectations if one.figure.endswith("_difference")]
    assert {one.arm for one in judged} == {"protected-2", "protected-3"}
    # A short run's interval may be too wide to prove that two arms are equal; it may not prove that they differ.
    assert [one.reason for one in judged if one.word == "REFUTED"] == []
    assert any(one.word == "CONFIRMED" for one in judged)
