"""Each reason to doubt a run is found, said with its figures, and comes with a remedy."""

from dataclasses import replace
from typing import Any

import pytest

from chaos.judging.checks import enough_requests, evidence, ledger_readable, load_true
from chaos.judging.figures import load_quality
from chaos.run import Evidence
from chaos.scenario import Scenario
from tests.unit.chaos.builders import REFUSED, SERVED, SKIPPED, WINDOW, in_fault, probes, requests, scenario


def expecting(*expectations: tuple[str, str, str], **changes: Any) -> Scenario:
    expect = [{"arm": arm, "phase": phase, "figure": figure, "at_most": 1} for arm, phase, figure in expectations]
    return scenario(expect=expect, **changes)


def all_evidence(**changes: Any) -> dict[str, Evidence]:
    found = requests()
    given: dict[str, Any] = {
        "requests": found,
        "probes": probes(lambda t_s: 801.0 if in_fault(t_s) else 0.6),
        "windows": [WINDOW],
        "load": load_quality(found, len({one.seq for one in found}), judged_from_s=0),
        "calls": {("naive", "orders_to_postgres"): 120, ("protected", "orders_to_postgres"): 1},
        "cpu_busy": 0.5,
        "dirty_start": "",
        "dirty_end": "",
        "ledger_problem": "",
        "ledger_arms": ["naive", "protected"],
    }
    asked = changes.pop("scenario", scenario())
    return {piece.name: piece for piece in evidence(asked, **{**given, **changes})}


def test_a_run_without_blemish_has_every_piece_of_evidence() -> None:
    found = all_evidence()

    assert list(found) == [
        "fault_seen.orders_to_postgres", "link_used", "well_at_start", "enough_requests", "load_true", "clean_start",
        "clean_end", "ledger_readable",
    ]  # fmt: skip
    assert all(piece.holds and piece.detail and not piece.remedy for piece in found.values())


def test_a_run_without_a_fault_must_show_that_there_was_none() -> None:
    calm = all_evidence(scenario=scenario(faults=[]), probes=probes(lambda _: 0.6))

    assert calm["no_fault_seen"].holds
    assert not all_evidence(scenario=scenario(faults=[]))["no_fault_seen"].holds


@pytest.mark.parametrize("name", ["dirty_start", "dirty_end"])
def test_what_was_left_of_a_fault_is_said(name: str) -> None:
    piece = all_evidence(**{name: "naive.orders_to_postgres has a toxic"})[name.replace("dirty", "clean")]

    assert not piece.holds
    assert piece.detail == "naive.orders_to_postgres has a toxic"
    assert "lab down" in piece.remedy


def test_a_ledger_that_was_not_read_is_said() -> None:
    assert ledger_readable(scenario(), "connection refused", ["naive"]).detail == "connection refused"
    assert ledger_readable(scenario(), "", ["naive"]).detail == "there is no ledger of protected"
    assert not ledger_readable(scenario(), "", []).holds


def test_a_run_without_load_proves_nothing() -> None:
    asked = expecting(("naive", "fault", "checkout.in_time_share"), load={"checkout_per_s": 0, "browse_per_s": 0})
    piece = enough_requests(asked, [])

    assert not piece.holds
    assert piece.detail == "0 checkout requests of naive in fault (30 needed)"
    assert piece.remedy == "set load.checkout_per_s above 0"


def test_a_run_in_which_nothing_was_asked_still_needs_requests() -> None:
    piece = enough_requests(scenario(), requests(seconds=12))

    assert not piece.holds
    assert "0 requests of naive in fault (30 needed); 0 requests of naive in recovery (30 needed)" in piece.detail


@pytest.mark.parametrize(("figure", "needed"), [("in_time_share", 30), ("p95_ms", 59), ("p99_ms", 299)])
def test_a_figure_needs_as_many_requests_as_it_says(figure: str, needed: int) -> None:
    """The fault lasts 10 s."""
    asked = expecting(("naive", "fault", f"checkout.{figure}"))

    enough = requests(checkout_per_s=needed / 10 + 0.01)
    short = requests(checkout_per_s=needed / 10 - 0.1)

    assert enough_requests(asked, enough).holds
    assert not enough_requests(asked, short).holds
    assert f"({needed} needed)" in enough_requests(asked, short).detail


def test_a_remedy_says_how_long_or_how_much() -> None:
    asked = expecting(("naive", "fault", "checkout.p95_ms"), load={"checkout_per_s": 2, "browse_per_s": 60})

    said = enough_requests(asked, requests(checkout_per_s=2)).remedy
    assert said == "lengthen phases.fault_s to 59 or raise load.checkout_per_s (2)"


def test_a_ratio_needs_its_baseline_as_well() -> None:
    asked = expecting(("naive", "fault", "checkout.p95_ratio"))
    found = [request for request in requests() if request.intended_s >= 12 or request.kind == "browse"]

    assert "0 checkout requests of naive in baseline (59 needed)" in enough_requests(asked, found).detail


def test_a_figure_of_both_kinds_needs_the_kinds_that_are_asked_for() -> None:
    without = expecting(("naive", "recovery", "recovery_s"), load={"checkout_per_s": 40, "browse_per_s": 0})
    both = expecting(("naive", "recovery", "recovery_s"))
    found = requests(browse_per_s=0)

    assert enough_requests(without, found).holds
    assert not enough_requests(both, found).holds


def test_a_figure_of_the_refusals_needs_requests_not_refusals_here() -> None:
    """How many were refused is a result, not a flaw of the run; the verdict looks at it."""
    assert enough_requests(expecting(("naive", "fault", "checkout.refused_p95_ms")), requests()).holds


def test_an_arm_that_did_not_run_needs_no_requests() -> None:
    asked = expecting(("gone", "fault", "checkout.p95_ms"))

    assert enough_requests(asked, requests()).holds


def test_skipped_arrivals_are_no_requests() -> None:
    found = requests(lambda _arm, _kind, at_s: SKIPPED if in_fault(at_s) else SERVED)

    assert not enough_requests(scenario(), found).holds


def test_arms_that_must_not_differ_need_enough_for_their_p95() -> None:
    asked = scenario(no_difference=True)

    assert enough_requests(asked, requests()).holds
    assert not enough_requests(asked, requests(checkout_per_s=5)).holds


def load(**changes: Any) -> Evidence:
    found = changes.pop("requests", requests())
    quality = load_quality(found, len({one.seq for one in found}), judged_from_s=0).model_copy(
        update=changes.pop("quality", {})
    )
    return load_true(scenario(), found, quality, changes.pop("cpu_busy", 0.5))


def test_a_load_that_was_on_time_and_whole_is_true() -> None:
    assert load().detail == "1.0 ms late at p99, none of 6,400 requests skipped"


def test_a_late_generator_is_not_believed() -> None:
    late = load(quality={"lag_p99_ms": 10.1})

    assert not late.holds
    assert "over 10.1 ms late (10 ms allowed)" in late.detail
    assert "machine" in late.remedy
    assert load(quality={"lag_p99_ms": 10.0}).holds


def test_skipped_arrivals_are_not_overlooked() -> None:
    found = requests(lambda _arm, _kind, at_s: SKIPPED if at_s == 20 else SERVED)
    piece = load(requests=found)

    assert not piece.holds
    assert "4 of 6400 requests were skipped" in piece.detail
    assert "max_in_flight (2000)" in piece.remedy


def test_an_arm_that_did_not_get_every_arrival_is_not_compared() -> None:
    found = [request for request in requests() if not (request.arm == "naive" and request.seq == 17)]
    piece = load(requests=found)

    assert not piece.holds
    assert "naive did not get each of the 3200 arrivals once" in piece.detail


def test_full_processors_are_a_hint_and_the_remedy_where_the_load_was_late() -> None:
    assert load(cpu_busy=0.97).holds
    assert "97% busy" in load(cpu_busy=0.97).detail
    assert "processors are full" in load(cpu_busy=0.97, quality={"lag_p99_ms": 50.0}).remedy
    assert load(cpu_busy=None).holds


def test_an_answer_of_whatever_kind_is_a_request() -> None:
    refused = requests(lambda *_: replace(REFUSED))

    assert enough_requests(scenario(), refused).holds
