"""Figures are computed from every request, in the phase of its intended instant."""

from dataclasses import replace

import pytest

from chaos.booked import Delay
from chaos.judging.figure_names import FIGURES, unit_of
from chaos.judging.figures import figures, ledger_figures, load_quality, violations
from chaos.records import Request
from chaos.run import Figure
from chaos.scenario import JUDGED_PHASES, Kind
from tests.unit.chaos.builders import (
    CLEAN_BOOKS,
    FAILED,
    GAVE_UP,
    LATE,
    REFUSED,
    SERVED,
    SKIPPED,
    TOLD_BOOKS,
    Answer,
    collapse,
    in_fault,
    requests,
    scenario,
)


def value(found: list[Request], arm: str, phase: str, figure: str) -> float | None:
    return figures(found, scenario(), {})[arm][phase][figure].value


def mixture(_arm: str, kind: Kind, at_s: float) -> Answer:
    """Of ten checkouts in the fault 3 are served, 1 late, 2 refused, 1 failed, 2 gave up, and 1 is skipped."""
    if kind == "browse" or not in_fault(at_s):
        return SERVED
    no_hint = replace(REFUSED, latency_ms=9.0, retry_after_s=None)
    tenth = (SERVED, SERVED, SERVED, LATE, REFUSED, no_hint, FAILED, GAVE_UP, GAVE_UP, SKIPPED)
    return tenth[round(at_s * 40) % 10]


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("offered_per_s", 40),
        ("in_time_share", 0.3),
        ("answered_share", 0.4),
        ("goodput_per_s", 12),
        ("goodput_ratio", 0.3),
        ("refused_share", 0.2),
        ("refused_p95_ms", 9),
        ("refused_with_retry_after_share", 0.5),
        ("failed_share", 0.1),
        ("gave_up_share", 0.2),
        ("p50_ms", 20),
        ("p95_ms", 5000),
        ("p95_ratio", 250),
    ],
)
def test_shares_are_of_all_arrivals_and_latencies_of_all_that_were_sent(figure: str, expected: float) -> None:
    assert value(requests(mixture), "naive", "fault", f"checkout.{figure}") == pytest.approx(expected)


def test_a_skipped_arrival_is_an_arrival_but_has_no_latency() -> None:
    own = figures(requests(mixture), scenario(), {})["naive"]["fault"]

    assert own["checkout.in_time_share"].n == 400
    assert own["checkout.p95_ms"].n == 360


def test_a_request_belongs_to_the_phase_in_which_it_was_meant() -> None:
    """A request meant at the last instant before the fault waits its 5 s in the fault and counts for the baseline."""
    found = requests(lambda _arm, _kind, at_s: GAVE_UP if 11.9 <= at_s < 12 else SERVED)

    assert value(found, "naive", "baseline", "checkout.gave_up_share") == pytest.approx(4 / 400)
    assert value(found, "naive", "fault", "checkout.gave_up_share") == 0


def test_an_answer_after_in_time_s_is_answered_but_not_in_time() -> None:
    exactly = Answer(1000.0)
    found = requests(lambda _arm, kind, _at: exactly if kind == "checkout" else replace(exactly, latency_ms=1000.1))

    assert value(found, "naive", "fault", "checkout.in_time_share") == 1
    assert value(found, "naive", "fault", "browse.in_time_share") == 0
    assert value(found, "naive", "fault", "browse.answered_share") == 1


def test_stale_answers_are_a_share_of_all_reads() -> None:
    found = requests(lambda arm, kind, _at: Answer(stale=arm == "protected" and kind == "browse"))

    assert value(found, "protected", "fault", "browse.stale_share") == 1
    assert value(found, "naive", "fault", "browse.stale_share") == 0


def test_without_requests_there_is_nothing_to_measure() -> None:
    own = figures([], scenario(), {})["naive"]["fault"]

    assert own["checkout.in_time_share"] == Figure(value=None, n=0)
    assert own["checkout.p95_ms"] == Figure(value=None, n=0)
    assert own["checkout.offered_per_s"] == Figure(value=0, n=0)
    assert own["checkout.goodput_ratio"] == Figure(value=None, n=0)


def test_a_ratio_to_a_baseline_of_nothing_is_no_figure() -> None:
    found = requests(lambda _arm, _kind, at_s: SERVED if at_s >= 12 else FAILED)

    assert value(found, "naive", "fault", "checkout.goodput_ratio") is None


def test_every_figure_of_the_registry_exists_where_it_says_and_nowhere_else() -> None:
    found = figures(requests(collapse), scenario(), {"naive": TOLD_BOOKS, "protected": CLEAN_BOOKS})

    for phase in JUDGED_PHASES:
        assert set(found["naive"][phase]) == {name for name, figure in FIGURES.items() if phase in figure.phases}


def test_every_figure_has_a_sentence_and_a_unit_that_its_name_says() -> None:
    for name, figure in FIGURES.items():
        assert figure.sentence.endswith(".")
        if figure.source == "load":
            assert name.endswith(figure.unit)
    assert unit_of("checkout.p95_ms_difference") == "ms"


def test_an_arm_without_a_ledger_has_no_figures_of_it() -> None:
    found = figures(requests(), scenario(), {"naive": CLEAN_BOOKS})

    assert found["naive"]["recovery"]["orders.lost"] == Figure(value=0, n=400)
    assert "orders.lost" not in found["protected"]["recovery"]


def test_a_ledger_without_events_has_no_figures_of_them() -> None:
    missing = TOLD_BOOKS.events and TOLD_BOOKS.events.model_copy(update={"missing": 3})
    books = {"naive": CLEAN_BOOKS, "protected": TOLD_BOOKS.model_copy(update={"events": missing})}
    found = figures(requests(), scenario(), books)

    assert found["protected"]["recovery"]["notifications.missing"] == Figure(value=3, n=400)
    assert {name for name, figure in FIGURES.items() if figure.part} == (
        found["protected"]["recovery"].keys() - found["naive"]["recovery"].keys()
    )


def test_how_long_customers_waited_to_be_told_stands_on_those_who_were_told() -> None:
    events = TOLD_BOOKS.events
    assert events is not None
    slow = events.model_copy(update={"delay": Delay(n=300, p50_ms=20, p99_ms=80, max_ms=90)})

    found = ledger_figures(TOLD_BOOKS.model_copy(update={"events": slow}))

    assert found["notifications.p99_ms"] == Figure(value=80, n=300)
    assert found["notifications.max_ms"] == Figure(value=90, n=300)
    assert ledger_figures(TOLD_BOOKS)["notifications.max_ms"] == Figure(value=None, n=0)


def test_loss_and_doubling_are_violations_and_doubt_is_not() -> None:
    books = CLEAN_BOOKS.model_copy(update={"orders_lost": 2, "charges_doubled": 1, "ambiguous": 5, "unsettled": 6})

    assert violations(books) == {"orders.lost": 2, "charges.doubled": 1}
    assert violations(CLEAN_BOOKS) == {}


def test_the_whole_arm_is_back_when_its_last_kind_is() -> None:
    def answer(_arm: str, kind: Kind, at_s: float) -> Answer:
        return GAVE_UP if 12 <= at_s < (24 if kind == "checkout" else 26) else SERVED

    own = figures(requests(answer), scenario(), {})["naive"]["recovery"]

    assert (own["checkout.recovery_s"].value, own["browse.recovery_s"].value, own["recovery_s"].value) == (2, 4, 4)


def test_a_kind_without_load_does_not_hold_recovery_up() -> None:
    asked = scenario(load={"checkout_per_s": 40, "browse_per_s": 0})
    own = figures(requests(collapse, browse_per_s=0), asked, {})["naive"]["recovery"]

    assert own["browse.recovery_s"].value is None
    assert own["recovery_s"].value == 5


def test_a_kind_with_load_that_cannot_be_said_to_be_back_makes_the_arms_recovery_unknown() -> None:
    """Nobody was served in the baseline, so there is nothing to get back to."""
    found = requests(lambda _arm, kind, at_s: FAILED if kind == "browse" and at_s < 12 else SERVED)
    own = figures(found, scenario(), {})["naive"]["recovery"]

    assert own["checkout.recovery_s"].value == 0
    assert own["browse.recovery_s"].value is None
    assert own["recovery_s"] == Figure(value=None, n=1000)


def test_an_arm_of_which_one_kind_never_came_back_is_censored() -> None:
    found = requests(lambda _arm, kind, at_s: GAVE_UP if kind == "browse" and at_s >= 12 else SERVED)
    own = figures(found, scenario(), {})["naive"]["recovery"]

    assert own["recovery_s"] == Figure(value=7, n=1000, censored=True)


def test_load_quality_counts_requests_per_arm_and_keeps_the_schedules_length() -> None:
    found = requests(mixture, lag_ms=2.5)
    quality = load_quality(found, 3200, judged_from_s=0)

    assert (quality.arrivals, quality.sent, quality.skipped) == (3200, 6320, 80)
    assert (quality.lag_p99_ms, quality.lag_max_ms) == (2.5, 2.5)
    assert load_quality([], 3, judged_from_s=0).arrivals == 3


def test_who_was_late_before_anything_is_judged_does_not_count() -> None:
    """It is sent all the same."""
    early = [replace(one, lag_ms=90.0) if one.intended_s < 3 else one for one in requests(lag_ms=2.5)]

    quality = load_quality(early, len(early), judged_from_s=3)

    assert quality.sent == len(early)
    assert (quality.lag_p99_ms, quality.lag_max_ms) == (2.5, 2.5)
    assert load_quality(early, len(early), judged_from_s=0).lag_max_ms == 90.0
