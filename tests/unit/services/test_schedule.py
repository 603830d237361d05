"""When a job runs, and what becomes of the runs that nobody made."""

from typing import Any

import pytest

from resilience import SettingsError, system_rng
from services.common.schedule import JobSettings, Missed, Turn, plan


def job(missed: Missed = "skip", **changed: Any) -> JobSettings:
    return JobSettings("job", **{"every_s": 10.0, "jitter_s": 0.0, "missed": missed} | changed)


def next_turn(settings: JobSettings, last_due_s: float | None, now_s: float, seed: int = 1) -> tuple[Turn, int]:
    return plan(settings, last_due_s=last_due_s, now_s=now_s, rng=system_rng(seed))


@pytest.mark.parametrize("missed", ["skip", "catch_up"])
def test_the_first_run_is_due_at_once_and_the_next_a_period_later(missed: Missed) -> None:
    assert next_turn(job(missed), None, 100) == (Turn(100, 100), 0)
    assert next_turn(job(missed), 100, 100.5) == (Turn(110, 110), 0)


def test_a_run_that_is_a_little_late_does_not_shift_the_rhythm() -> None:
    assert next_turn(job(), 100, 113) == (Turn(110, 110), 0)
    assert next_turn(job(), 110, 113) == (Turn(120, 120), 0)


def test_what_was_missed_is_skipped_but_for_one_run() -> None:
    """Due at 110, 120, 130, and it is 135: the last of them runs, two are left out."""
    assert next_turn(job(), 100, 135) == (Turn(130, 130), 2)
    assert next_turn(job(), 130, 136) == (Turn(140, 140), 0)


def test_what_was_missed_is_caught_up_run_by_run() -> None:
    due, runs = 100.0, []
    while True:
        turn, left_out = next_turn(job("catch_up"), due, 135)
        assert left_out == 0
        if turn.due_s > 135:
            break
        due = turn.due_s
        runs.append(due)
    assert runs == [110, 120, 130]


def test_jitter_delays_the_beginning_and_not_the_rhythm() -> None:
    turns = [next_turn(job(jitter_s=2.0), 100, 101, seed)[0] for seed in range(200)]

    assert {turn.due_s for turn in turns} == {110}
    assert all(110 <= turn.planned_s <= 112 for turn in turns)
    assert max(turn.planned_s for turn in turns) - min(turn.planned_s for turn in turns) > 1.5


@pytest.mark.parametrize(
    "wrong", [{"every_s": 0.0}, {"jitter_s": -1.0}, {"jitter_s": 11.0}, {"within_s": 0.0}, {"kept_runs": 0}]
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=f"JobSettings.{next(iter(wrong))} must"):
        job(**wrong)
