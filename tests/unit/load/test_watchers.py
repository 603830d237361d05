"""The arithmetic of the probes' rhythm and of the machine's figures."""

import os

import pytest

from chaos.recording.machine import _CpuTimes, _share, machine_facts, memory_of
from chaos.recording.probes import BOUND_S, PERIOD_S, _said, _until_next


@pytest.mark.parametrize(
    ("now", "wait_s"),
    [(100.0, 0.25), (100.01, 0.24), (100.2, 0.05), (100.25, 0.25), (100.8, 0.2), (103.1, 0.15)],
)
def test_the_next_probe_comes_at_the_next_whole_period(now: float, wait_s: float) -> None:
    """So a slow exchange delays the next one and is not made up for by a burst."""
    assert _until_next(now, 100.0, PERIOD_S) == pytest.approx(wait_s)
    assert 0 < _until_next(now, 100.0, PERIOD_S) <= PERIOD_S


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), f"nothing within {BOUND_S:g} s"),
        (EOFError(), "the connection was closed"),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (OSError("odd"), "odd"),
        (OSError(), "OSError"),
    ],
)
def test_a_failed_probe_says_why_in_words(error: BaseException, words: str) -> None:
    assert _said(error, BOUND_S) == words


def test_the_busy_share_is_the_time_that_was_not_idle() -> None:
    assert _share(_CpuTimes(0.0, 10.0, 100.0), _CpuTimes(1.0, 11.5, 102.0)) == 0.75


def test_a_moment_has_no_busy_share() -> None:
    times = _CpuTimes(0.0, 10.0, 100.0)

    assert _share(times, times) is None


def test_the_memory_of_this_process_is_known() -> None:
    memory = memory_of([os.getpid()])

    assert memory.kind in {"pss", "rss"}
    assert memory.mib > 5


def test_a_process_that_is_gone_holds_nothing() -> None:
    assert memory_of([2**22 + 1]).mib == 0


def test_every_fact_of_the_machine_is_said() -> None:
    facts = machine_facts()

    assert set(facts) == {"cores", "cpu", "os", "python", "memory"}
    assert all(facts.values())
