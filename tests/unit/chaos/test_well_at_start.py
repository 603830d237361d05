"""A run whose arms were not well before the fault proves nothing."""

import pytest

from chaos.judging.well_at_start import well_at_start
from chaos.records import Request
from chaos.scenario import Kind
from tests.unit.chaos.builders import FAILED, LATE, SERVED, Answer, in_fault, requests, scenario


def hurt(bad: int, answer: Answer = FAILED) -> list[Request]:
    """Return requests of which `bad` in a hundred browses of protected are not served in the baseline."""

    def said(arm: str, kind: Kind, at_s: float) -> Answer:
        chosen = arm == "protected" and kind == "browse" and at_s < 12
        return answer if chosen and round(at_s * 60) % 100 < bad else SERVED

    return requests(said)


def test_arms_that_serve_everybody_are_well() -> None:
    evidence = well_at_start(scenario(), requests())

    assert evidence.holds
    assert "100 %" in evidence.detail


@pytest.mark.parametrize("answer", [FAILED, LATE])
@pytest.mark.parametrize(("bad", "holds"), [(5, True), (6, False)])
def test_nineteen_of_twenty_must_be_served_in_time(bad: int, answer: Answer, *, holds: bool) -> None:
    evidence = well_at_start(scenario(), hurt(bad, answer))

    assert evidence.holds is holds
    assert bool(evidence.remedy) is not holds
    assert holds or evidence.detail == "protected served 94.0 % of browse in time in the baseline (95.0 % needed)"


def test_what_happens_in_the_fault_does_not_count() -> None:
    found = requests(lambda _arm, _kind, at_s: FAILED if in_fault(at_s) else SERVED)

    assert well_at_start(scenario(), found).holds


def test_each_kind_with_load_is_asked_for() -> None:
    found = requests(browse_per_s=0)
    without = scenario(load={"checkout_per_s": 40, "browse_per_s": 0})

    assert well_at_start(without, found).holds
    assert "nobody asked naive for a browse in the baseline" in well_at_start(scenario(), found).detail


def test_an_arm_without_requests_or_a_run_without_load_is_not_well() -> None:
    assert "nobody asked protected" in well_at_start(scenario(), requests(arms=("naive",))).detail
    assert not well_at_start(scenario(load={"checkout_per_s": 0, "browse_per_s": 0}), []).holds
