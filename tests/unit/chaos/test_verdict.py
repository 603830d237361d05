"""The worst word wins, thin evidence proves nothing, and a loss is a fact."""

from typing import Any

import pytest

from chaos.booked import ArmLedger
from chaos.judging.figures import Figures, figures
from chaos.judging.stats import differences
from chaos.judging.verdict import conclude, judge
from chaos.run import Evidence, Figure, Judged, Verdict
from chaos.scenario import Scenario
from tests.unit.chaos.builders import CLEAN_BOOKS, collapse, requests, scenario

GOOD = Evidence(name="load_true", holds=True, detail="1 ms late")
BAD = Evidence(name="fault_seen.x", holds=False, detail="x: 0.6 ms in the fault", remedy="make it larger")
BOOKS = {"naive": CLEAN_BOOKS, "protected": CLEAN_BOOKS}
LOST = {**BOOKS, "naive": CLEAN_BOOKS.model_copy(update={"orders_lost": 3})}
COLLAPSE = requests(collapse)


def expecting(*expectations: dict[str, Any], **changes: Any) -> Scenario:
    return scenario(expect=expectations, **changes)


def expect(arm: str, figure: str, phase: str = "fault", **bound: float) -> dict[str, Any]:
    return {"arm": arm, "phase": phase, "figure": figure, **bound}


COLLAPSED = expect("naive", "checkout.in_time_share", at_most=0.2)
BROWSING = expect("protected", "browse.in_time_share", at_least=0.99)
BACK = expect("protected", "checkout.in_time_share", at_least=0.5)
KEPT = expect("naive", "orders.lost", "recovery", at_most=0)


def one(expectation: dict[str, Any], *, found: Figures | None = None, evidence: Evidence = GOOD) -> Judged:
    asked = expecting(expectation)
    (judged,) = judge(asked, found or figures(COLLAPSE, asked, BOOKS), [], [evidence])
    return judged


def verdict(*expectations: dict[str, Any], evidence: Evidence = GOOD, ledger: dict[str, ArmLedger] = BOOKS) -> Verdict:
    asked = expecting(*expectations)
    judged = judge(asked, figures(COLLAPSE, asked, ledger), [], [GOOD, evidence])
    return conclude(judged, [GOOD, evidence], ledger)


def test_an_expectation_that_holds_is_confirmed_with_both_figures() -> None:
    judged = one(COLLAPSED)

    assert judged.word == "CONFIRMED"
    assert judged.reason == "naive, fault: checkout.in_time_share is 0 %, at most 20.0 % was expected"
    assert judged.measured == Figure(value=0, n=400)
    assert (judged.bound, judged.limit) == ("at_most", 0.2)


def test_an_expectation_that_does_not_hold_is_refuted_with_both_figures() -> None:
    judged = one(BACK)

    assert judged.word == "REFUTED"
    assert judged.reason == "protected, fault: checkout.in_time_share is 0 %, at least 50.0 % was expected"


@pytest.mark.parametrize("bound", ["at_least", "at_most"])
def test_a_figure_on_its_bound_holds(bound: str) -> None:
    on_it = {**expect("protected", "browse.p50_ms"), bound: 20}

    assert one(on_it).word == "CONFIRMED"


def test_figures_that_look_alike_are_written_out() -> None:
    asked = {"naive": {"fault": {"browse.p95_ms": Figure(value=100.04, n=600)}}}

    said = one(expect("naive", "browse.p95_ms", at_most=100), found=asked)
    assert (said.word, "is 100.04, at most 100 was" in said.reason) == ("REFUTED", True)


def test_an_arm_that_did_not_run_proves_nothing() -> None:
    judged = one(expect("gone", "checkout.in_time_share", at_most=1))

    assert (judged.word, judged.reason, judged.measured) == ("NOT PROVEN", "arm gone did not run", None)


def test_a_figure_with_nothing_to_measure_proves_nothing() -> None:
    """Nobody was refused, so nobody was refused slowly or fast."""
    assert one(expect("naive", "checkout.refused_p95_ms", at_most=100)).word == "NOT PROVEN"
    assert (
        one(expect("naive", "orders.lost", "recovery", at_most=0), found={"naive": {"recovery": {}}}).word
        == "NOT PROVEN"
    )


def test_a_figure_that_stands_on_too_few_requests_proves_nothing() -> None:
    few = {"naive": {"fault": {"checkout.refused_p95_ms": Figure(value=5, n=58)}}}

    judged = one(expect("naive", "checkout.refused_p95_ms", at_most=100), found=few)
    assert judged.word == "NOT PROVEN"
    assert "stands on 58 requests (59 needed)" in judged.reason


@pytest.mark.parametrize(
    ("bound", "limit", "word"),
    [
        ("at_least", 5, "CONFIRMED"),
        ("at_least", 7, "CONFIRMED"),
        ("at_least", 8, "NOT PROVEN"),
        ("at_most", 5, "REFUTED"),
        ("at_most", 7, "REFUTED"),
        ("at_most", 8, "NOT PROVEN"),
    ],
)
def test_a_censored_figure_proves_only_what_its_floor_proves(bound: str, limit: float, word: str) -> None:
    """The arm was not back for 7 s, and then the phase ended."""
    found = {"naive": {"recovery": {"recovery_s": Figure(value=7, n=1000, censored=True)}}}

    judged = one({**expect("naive", "recovery_s", "recovery"), bound: limit}, found=found)
    assert judged.word == word
    assert "is more than 7.0 s" in judged.reason


def test_every_expectation_held_is_confirmed() -> None:
    found = verdict(COLLAPSED, BROWSING, KEPT)

    assert (found.word, found.held, found.expected, found.exit_code) == ("CONFIRMED", 3, 3, 0)
    assert found.reasons == ("3 of 3 expectations hold",)


def test_one_refuted_expectation_refutes_and_is_the_reason() -> None:
    found = verdict(COLLAPSED, BACK)

    assert (found.word, found.held, found.expected, found.exit_code) == ("REFUTED", 1, 2, 1)
    assert found.reasons == ("protected, fault: checkout.in_time_share is 0 %, at least 50.0 % was expected",)


def test_one_unproven_expectation_is_worse_than_confirmed_and_better_than_refuted() -> None:
    gone = expect("gone", "checkout.in_time_share", at_most=1)

    assert verdict(COLLAPSED, gone).word == "NOT PROVEN"
    assert verdict(COLLAPSED, gone).reasons == ("arm gone did not run",)
    assert verdict(COLLAPSED, gone, BACK).word == "REFUTED"


def test_a_scenario_that_expects_nothing_proves_nothing() -> None:
    found = verdict()

    assert (found.word, found.exit_code) == ("NOT PROVEN", 2)
    assert "expects nothing" in found.reasons[0]


@pytest.mark.parametrize("expectation", [COLLAPSED, BACK])
def test_without_evidence_neither_holding_nor_failing_is_proven(expectation: dict[str, Any]) -> None:
    judged = one(expectation, evidence=BAD)

    assert judged.word == "NOT PROVEN"
    assert judged.reason.endswith("; not proven without fault_seen.x")
    found = verdict(expectation, evidence=BAD)
    assert found.word == "NOT PROVEN"
    assert found.reasons == ("fault_seen.x: x: 0.6 ms in the fault; make it larger",)


def test_a_loss_refutes_even_where_nobody_expected_otherwise() -> None:
    found = verdict(COLLAPSED, ledger=LOST)

    assert found.word == "REFUTED"
    assert found.reasons == ("naive: 3 acknowledged orders are lost (orders.lost)",)


def test_a_loss_refutes_on_any_evidence_and_without_expectations() -> None:
    assert verdict(KEPT, evidence=BAD, ledger=LOST).word == "REFUTED"
    assert verdict(evidence=BAD, ledger=LOST).word == "REFUTED"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("orders_lost", "acknowledged orders are lost"),
        ("orders_doubled", "idempotency keys have more than one order"),
        ("charges_lost", "acknowledged orders have no charge"),
        ("charges_doubled", "orders were charged more than once"),
    ],
)
def test_each_violation_is_a_fact_of_its_own(field: str, words: str) -> None:
    books = {"naive": CLEAN_BOOKS.model_copy(update={field: 2})}

    assert words in verdict(COLLAPSED, ledger=books).reasons[0]


@pytest.mark.parametrize("field", ["ambiguous", "unsettled"])
def test_a_customer_in_doubt_is_no_violation(field: str) -> None:
    books = {"naive": CLEAN_BOOKS.model_copy(update={field: 2})}

    assert verdict(COLLAPSED, ledger=books).word == "CONFIRMED"


def test_a_loss_is_said_once_when_an_expectation_says_it_too() -> None:
    assert verdict(KEPT, ledger=LOST).reasons == ("naive: 3 acknowledged orders are lost (orders.lost)",)


def test_no_loss_is_not_proven_without_evidence_or_acknowledged_orders() -> None:
    few = {"naive": CLEAN_BOOKS.model_copy(update={"acknowledged": 29})}

    assert verdict(KEPT, evidence=BAD).word == "NOT PROVEN"
    assert verdict(KEPT, ledger=few).word == "NOT PROVEN"


def test_doubt_about_the_ledger_is_load_based() -> None:
    """That no customer is in doubt is proven only under a fault that was seen."""
    doubt = expect("naive", "orders.ambiguous", "recovery", at_most=0)

    assert one(doubt).word == "CONFIRMED"
    assert one(doubt, evidence=BAD).word == "NOT PROVEN"


ARMS = [{"name": "a", "profile": "naive"}, {"name": "b", "profile": "naive"}]


def test_an_a_a_run_is_judged_by_its_differences_without_being_told() -> None:
    asked = scenario(arms=ARMS)
    found = requests(arms=("a", "b"))
    judged = judge(asked, figures(found, asked, {}), differences(found, asked, 7), [GOOD])

    assert len(judged) == 8
    assert conclude(judged, [GOOD], {}).word == "CONFIRMED"
    doubted = judge(asked, figures(found, asked, {}), differences(found, asked, 7), [BAD])
    assert conclude(doubted, [BAD], {}).word == "NOT PROVEN"


def test_a_control_says_that_its_arms_must_not_differ() -> None:
    asked = scenario(no_difference=True)
    found = figures(COLLAPSE, asked, {})
    judged = judge(asked, found, differences(COLLAPSE, asked, 7), [GOOD])

    assert conclude(judged, [GOOD], {}).word == "REFUTED"
    assert judge(scenario(), found, differences(COLLAPSE, asked, 7), [GOOD]) == ()


def test_taking_the_fault_out_refutes_the_collapse_that_was_expected() -> None:
    asked = expecting(COLLAPSED, BROWSING, faults=[])
    judged = judge(asked, figures(requests(), asked, BOOKS), [], [GOOD])

    assert conclude(judged, [GOOD], BOOKS).word == "REFUTED"


def test_a_loss_stays_refuted_where_the_rest_of_the_run_is_in_doubt() -> None:
    asked = expecting(KEPT, COLLAPSED)
    judged = judge(asked, figures(COLLAPSE, asked, LOST), [], [BAD])

    assert [(one.figure, one.word) for one in judged] == [
        ("orders.lost", "REFUTED"),
        ("checkout.in_time_share", "NOT PROVEN"),
    ]


def test_evidence_that_does_not_hold_is_never_confirmed_whatever_was_judged() -> None:
    held = one(COLLAPSED)

    assert conclude([held], [BAD], BOOKS).word == "NOT PROVEN"
