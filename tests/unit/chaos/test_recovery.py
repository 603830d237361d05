"""An arm is back at the first half second that is good and stays good for three, at 90 % of its own baseline."""

import pytest

from chaos.judging.recovery import recovery
from chaos.judging.rows import Rows
from chaos.run import Figure
from chaos.scenario import Kind
from tests.unit.chaos.builders import GAVE_UP, SERVED, Answer, requests

WINDOW = (22.0, 32.0)


def back(bad: set[int], *, baseline_share: float | None = 1.0, window: tuple[float, float] = WINDOW) -> Figure:
    """Judge 40 checkouts a second of which those of the half seconds `bad` after 22 s all give up."""
    found = requests(lambda _arm, _kind, at_s: GAVE_UP if int((at_s - 22) / 0.5) in bad else SERVED, arms=("naive",))
    rows = Rows.of([request for request in found if request.kind == "checkout"])
    return recovery(rows, 1.0, window, baseline_share=baseline_share)


def test_an_arm_that_was_never_hurt_is_back_at_once() -> None:
    assert back(set()) == Figure(value=0, n=400)


def test_an_arm_is_back_when_its_last_bad_half_second_is_over() -> None:
    assert back({0, 1, 2}) == Figure(value=1.5, n=400)


def test_a_lucky_half_second_is_no_recovery() -> None:
    assert back({0, 1, 3, 4, 5}) == Figure(value=3.0, n=400)


def test_a_relapse_after_three_seconds_is_another_fault() -> None:
    assert back({0, 10, 11, 12}).value == 0.5


def test_an_arm_that_is_not_back_long_enough_before_the_end_is_censored() -> None:
    """The last half second that can be watched for 3 s of a phase of 10 s begins after 7 s."""
    assert back(set(range(14))) == Figure(value=7, n=400)
    assert back(set(range(15))) == Figure(value=7, n=400, censored=True)


def test_a_phase_too_short_to_watch_proves_nothing() -> None:
    assert back(set(), window=(22.0, 24.0)) == Figure(value=0, n=80, censored=True)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 0), (0.56, 1)])
def test_an_arm_is_measured_by_its_own_baseline(share: float, expected: float) -> None:
    """Of the first second every other request is served: enough for a baseline of 0.5 / 0.9 = 0.556, and not above."""

    def half(_arm: str, _kind: Kind, at_s: float) -> Answer:
        return GAVE_UP if 22 <= at_s < 23 and round(at_s * 40) % 2 else SERVED

    rows = Rows.of([r for r in requests(half, arms=("naive",)) if r.kind == "checkout"])

    assert recovery(rows, 1.0, WINDOW, baseline_share=share).value == expected


def test_without_a_baseline_or_arrivals_there_is_no_recovery_to_speak_of() -> None:
    assert back(set(), baseline_share=0.0).value is None
    assert back(set(), baseline_share=None).value is None
    assert back(set(), window=(40.0, 50.0)) == Figure(value=None, n=0)
