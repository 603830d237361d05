"""Arms that must not differ are judged by a whole interval: beyond the resolution, within what matters, or neither."""

import pytest

from chaos.judging.differing import matters, no_difference, resolution
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


def judged(figure: str, value: float, low: float, high: float, seconds: int = 10) -> Judged:
    """Judge one difference in the fault; every other is none."""
    changed = [
        one.model_copy(update={"value": value, "low": low, "high": high, "seconds": seconds})
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
        ("browse.p95_ms", 4.9, 20.0, "CONFIRMED"),
        ("browse.p95_ms", 4.9, 20.1, "NOT PROVEN"),
        ("browse.p95_ms", -20.1, 0.0, "NOT PROVEN"),
        ("browse.p95_ms", -500.0, 500.0, "NOT PROVEN"),
        ("browse.p95_ms", 5.1, 8.0, "REFUTED"),
        ("browse.p95_ms", 5.1, 500.0, "REFUTED"),
        ("browse.p95_ms", -8.0, -5.1, "REFUTED"),
        ("browse.in_time_share", -0.05, -0.009, "CONFIRMED"),
        ("browse.in_time_share", -0.051, -0.009, "NOT PROVEN"),
        ("browse.in_time_share", -0.03, -0.011, "REFUTED"),
    ],
)
def test_a_difference_is_judged_by_where_its_whole_interval_lies(
    figure: str, low: float, high: float, word: str
) -> None:
    """The baseline's p95 is 20 ms: 5 ms are told apart and 20 ms matter. Of a share, 1 point and 5 points."""
    assert judged(figure, (low + high) / 2, low, high).word == word


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(-3.0, 5.0, "equal within 5 ms"), (-3.0, 5.1, "equal within 20 ms"), (-3.0, 21.0, None), (6.0, 8.0, None)],
)
def test_equal_within_is_said_of_an_interval_that_lies_within(low: float, high: float, said: str | None) -> None:
    reason = judged("browse.p95_ms", 1.0, low, high).reason

    assert (said in reason) if said else ("equal within" not in reason)


def test_an_interval_that_is_too_wide_says_what_it_could_hide_and_what_to_do() -> None:
    found = judged("browse.in_time_share", -0.01, -0.208, 0.0)

    assert found.reason == (
        "protected-2 and protected may differ in browse.in_time_share in fault: −1.0 points [−20.8, 0.0], which could"  # noqa: RUF001 - as printed
        " hide 5.0 points; lengthen phases.fault_s, or stop what else runs"
    )


def test_the_reason_says_both_arms_the_interval_and_the_resolution() -> None:
    found = judged("browse.p95_ms", 6.0, 5.5, 7.0)

    assert found.reason == (
        "protected-2 and protected differ in browse.p95_ms in fault: +6 ms [+5.5, +7], more than 5 ms"
    )
    assert (found.bound, found.limit) == ("at_most", 5.0)
    assert found.measured is not None
    assert found.measured.value == 6.0


def test_too_few_seconds_or_none_prove_nothing() -> None:
    assert judged("browse.p95_ms", 0, 0, 0, seconds=4).word == "NOT PROVEN"
    assert {one.word for one in no_difference(A_A, FIGURES, [])} == {"NOT PROVEN"}


def test_a_kind_without_load_is_not_compared() -> None:
    asked = scenario(arms=ARMS, load={"checkout_per_s": 0, "browse_per_s": 60})

    assert {one.figure.partition(".")[0] for one in no_difference(asked, FIGURES, EQUAL)} == {"browse"}


def test_a_slow_figure_is_told_apart_by_a_tenth_and_matters_from_a_half() -> None:
    slow = figures(requests(lambda *_: Answer(120.0), arms=NAMES), A_A, {})

    assert resolution("protected", "browse.p95_ms", FIGURES) == 5.0
    assert resolution("protected", "browse.p95_ms", slow) == 12.0
    assert matters("protected", "browse.p95_ms", FIGURES) == 20.0
    assert matters("protected", "browse.p95_ms", slow) == 60.0


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
