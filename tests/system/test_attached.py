"""A lab that stays up and the runs on it: each has customers of its own, and none of them ends the lab."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.lab import lab, left_running, phases, run_of

pytestmark = pytest.mark.system

SHORT = phases(settle_s=1, baseline_s=2, fault_s=2, recovery_s=2)


@pytest.fixture
def lab_up(tmp_path: Path) -> Iterator[None]:
    """Have a lab of two equal shops up, and nothing of it afterwards."""
    ended = lab("up", "--arms", "naive,protected", runs=tmp_path)
    assert ended.code == 0, ended.output
    yield
    lab("down", runs=tmp_path)
    assert left_running() == []


def test_two_runs_on_one_lab_do_not_know_of_each_other(lab_up: None, tmp_path: Path) -> None:
    """The same seed twice: the second run's customers are new to the shop, and its ledger counts only them."""
    for name in ("first", "second"):
        ended = lab("run", "healthy", *SHORT, runs=tmp_path / name)
        assert "the lab that is up is used" in ended.output
    first, second = (run_of(tmp_path / name, "healthy") for name in ("first", "second"))

    assert first.engine == second.engine == "local"
    assert first.components == second.components
    for run in (first, second):
        for arm, ledger in run.ledger.items():
            assert ledger.acknowledged > 0, arm
            assert ledger.orders_found == ledger.acknowledged + ledger.ambiguous, arm
            assert (ledger.orders_lost, ledger.orders_doubled, ledger.charges_doubled) == (0, 0, 0), arm
    assert lab("status", runs=tmp_path).code == 0


def test_a_run_with_other_arms_is_told_what_is_up(lab_up: None, tmp_path: Path) -> None:
    """Nothing is stopped or started for it."""
    ended = lab("run", "healthy", "--arms", "protected,naive", runs=tmp_path)

    assert ended.code == 3
    assert "has the arms naive, protected, and this run needs the arms protected, naive" in ended.output
    assert lab("status", runs=tmp_path).code == 0
