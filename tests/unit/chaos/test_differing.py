"""Arms that must not differ pass unless the whole interval of a difference lies beyond the figure's resolution."""

import pytest

from chaos.judging.differing import no_difference, resolution
from chaos.judging.figures import figures
from chaos.judging.stats import differences
from chaos.run import Difference, Judged
from chaos.scenario import Kind
from tests.unit.chaos.builders import Answer, in_fault, requests, scenario

ARMS = [{"name": "protected", "profile": "protected"}, {"name": "protected-2", "profile": "protected"}]
A_A = scenario(arms=ARMS)
NAMES = ("protected", "protected-2")
FIGURES = figures(requests(arms=NAMES), A_A, {})
EQUAL = differences(requests(arms=NAMES), A_A, 7)


def judged(figure: str, value: float, low: float, high: float, pairs: int = 10) -> Judged:
    """Judge one difference in the fault; every other is none."""
    changed = [
        one.model_copy(update={"value": value, "low": low, "high": high, "pairs": pairs})
        if (one.phase, one.figure) == ("fault", figure)
        else one
        for one in EQUAL
    ]
    (found,) = [
        one
        for one in no_difference(A_A, FIGURES, changed)
        if (one.phase, one.figure) == ("fault", f"{figure}_difference")
    ]
    return found


def test_equal_arms_are_confirmed_in_every_figure() -> None:
    found = no_difference(A_A, FIGURES, EQUAL)

    assert [(one.arm, one.phase, one.figure, one.word) for one in found] == [
        ("protected-2", phase, figure, "CONFIRMED")
        for phase in ("fault", "recovery")
        for figure in ("checkout.in_time_share_difference", "checkout.p95_ms_difference",
                       "browse.in_time_share_difference", "browse.p95_ms_difference")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("figure", "low", "high", "word"),
    [
        ("browse.p95_ms", -3.0, 4.0, "CONFIRMED"),
        ("browse.p95_ms", 1.9, 4.0, "CONFIRMED"),
        ("browse.p95_ms", 2.1, 4.0, "REFUTED"),
        ("browse.p95_ms", -4.0, -2.1, "REFUTED"),
        ("browse.in_time_share", -0.03, -0.009, "CONFIRMED"),
        ("browse.in_time_share", -0.03, -0.011, "REFUTED"),
    ],
)
def test_only_a_difference_proven_beyond_the_resolution_refutes(
    figure: str, low: float, high: float, word: str
) -> None:
    """The baseline's p95 is 20 ms, so 2 ms; a share's resolution is 1 point."""
    assert judged(figure, (low + high) / 2, low, high).word == word


def test_the_reason_says_both_arms_the_interval_and_the_resolution() -> None:
    found = judged("browse.p95_ms", 3.0, 2.5, 4.0)

    assert found.reason == (
        "protected-2 and protected differ in browse.p95_ms in fault: +3 ms [+2.5, +4], equal within 2 ms"
    )
    assert (found.bound, found.limit) == ("at_most", 2.0)
    assert found.measured is not None
    assert found.measured.value == 3.0


def test_too_few_seconds_or_none_prove_nothing() -> None:
    assert judged("browse.p95_ms", 0, 0, 0, pairs=4).word == "NOT PROVEN"
    assert {one.word for one in no_difference(A_A, FIGURES, [])} == {"NOT PROVEN"}


def test_a_kind_without_load_is_not_compared() -> None:
    asked = scenario(arms=ARMS, load={"checkout_per_s": 0, "browse_per_s": 60})

    assert {one.figure.partition(".")[0] for one in no_difference(asked, FIGURES, EQUAL)} == {"browse"}


def test_a_quick_figure_is_resolved_to_a_millisecond() -> None:
    quick = figures(requests(lambda *_: Answer(3.0), arms=NAMES), A_A, {})

    assert resolution("protected", "browse.p95_ms", quick) == 1.0
    assert resolution("protected", "browse.p95_ms", FIGURES) == 2.0


def test_arms_of_which_one_is_slower_in_the_fault_are_told_apart() -> None:
    def answer(arm: str, kind: Kind, at_s: float) -> Answer:
        return Answer(30.0) if arm == "protected-2" and kind == "browse" and in_fault(at_s) else Answer()

    found = requests(answer, arms=NAMES)
    judged = no_difference(A_A, figures(found, A_A, {}), differences(found, A_A, 7))

    assert [one.figure for one in judged if one.word == "REFUTED"] == ["browse.p95_ms_difference"]


def test_a_third_arm_is_compared_as_well() -> None:
    asked = scenario(arms=[*ARMS, {"name": "protected-3", "profile": "protected"}])
    more: list[Difference] = [one.model_copy(update={"second": "protected-3"}) for one in EQUAL]

    assert len(no_difference(asked, FIGURES, [*EQUAL, *more])) == 16
