"""However a run ends, nothing of it goes on: no process, no toxic, no half-written result."""

import os
import signal
from pathlib import Path

import pytest

from tests.system.lab import DATA, children, lab, left, left_running, marked, phases, read_until, run_of, started

pytestmark = pytest.mark.system

# A line of the run's output that says where it is, and the signal that ends it there. In the fault: below.
MOMENTS = [
    pytest.param("postgres: ", signal.SIGINT, id="start-ctrl-c"),
    pytest.param(r"baseline  \d", signal.SIGTERM, id="baseline-sigterm"),
    pytest.param("waiting for the last answers", signal.SIGINT, id="drain-ctrl-c"),
]


@pytest.mark.parametrize(("line", "number"), MOMENTS)
def test_an_interrupted_run_leaves_nothing(line: str, number: signal.Signals, tmp_path: Path) -> None:
    """A signal at any time ends the run with that signal's exit code, stops everything and finishes no result."""
    short = phases(settle_s=0, baseline_s=1, fault_s=1, recovery_s=1)
    with started("run", "slow-db", *short, runs=tmp_path) as process:
        read_until(process, line)
        running = children()
        process.send_signal(number)
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 128 + number, output
    assert "Traceback" not in output
    assert left(running) == []
    assert left_running() == []
    assert not (tmp_path / "slow-db" / "latest").exists()


@pytest.mark.parametrize(
    ("name", "number"),
    [("postgres-killed", signal.SIGINT), ("payments-paused", signal.SIGINT), ("payments-paused", signal.SIGKILL)],
)
def test_a_run_that_ends_while_a_process_is_dead_or_stands_still_leaves_nothing(
    name: str, number: signal.Signals, tmp_path: Path
) -> None:
    """Whoever stands still ends as well, and whoever is dead is not left half started."""
    with started("run", name, *phases(settle_s=0, baseline_s=1, fault_s=30), runs=tmp_path) as process:
        read_until(process, r"fault  \d")
        running = children()
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number), output
    assert "Traceback" not in output
    assert left(running) == []
    assert left_running() == []
    assert not (tmp_path / name / "latest").exists()


def test_sigkill_in_the_fault_leaves_no_process_and_a_clean_next_start(tmp_path: Path) -> None:
    """A lab that is killed, its database just before it, takes everything with it, and the next run starts clean."""
    with started("run", "postgres-killed", *phases(settle_s=0, baseline_s=1, fault_s=30), runs=tmp_path) as process:
        read_until(process, r"fault  \d")
        running = children()
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=5)
        assert left(running) == []
        assert left_running() == []
    assert DATA.exists()
    lab("run", "healthy", *phases(settle_s=0, baseline_s=1, fault_s=1, recovery_s=1), runs=tmp_path)
    evidence = {piece.name: piece for piece in run_of(tmp_path, "healthy").evidence}
    assert evidence["clean_start"].holds, evidence["clean_start"].detail
    assert not DATA.exists()
    assert left_running() == []


def test_a_process_that_ends_by_itself_ends_the_run(tmp_path: Path) -> None:
    """A service that is killed behind the lab's back is named, and nothing goes on without it."""
    with started("run", "healthy", *phases(settle_s=0, baseline_s=60), runs=tmp_path) as process:
        read_until(process, r"baseline  \d")
        victim = next(line for line in marked() if "services.bank.app" in line)
        os.kill(int(victim.split()[0]), signal.SIGKILL)
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "bank-" in output
    assert "ended by itself" in output
    assert left_running() == []
