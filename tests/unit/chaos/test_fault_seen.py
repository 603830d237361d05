"""A fault counts when probes of each arm's link were hurt inside its window as told, and not outside it."""

from typing import Any

import pytest

from chaos.judging.fault_effect import effect_of
from chaos.judging.fault_seen import fault_evidence, no_fault_evidence
from chaos.judging.probe_views import Views
from chaos.run import Evidence, FaultWindow
from chaos.scenario import Down, Toxic
from tests.unit.chaos.builders import SLOW, WINDOW, in_fault, probes, scenario

LINK = "orders_to_postgres"


def slow(t_s: float) -> float:
    return 801.0 if in_fault(t_s) else 0.6


def broken(t_s: float) -> float | None:
    return None if in_fault(t_s) else 0.6


def judged(found: list[Any], window: FaultWindow | None = WINDOW, **fault: Any) -> Evidence:
    asked = scenario(faults=[{**SLOW, **fault}])
    (evidence,) = fault_evidence(asked, found, [window] if window else [])
    assert evidence.name == "fault_seen.orders_to_postgres"
    assert bool(evidence.remedy) is not evidence.holds
    return evidence


def down(found: list[Any]) -> Evidence:
    (evidence,) = fault_evidence(scenario(faults=[{"type": "down", "links": [LINK]}]), found, [WINDOW])
    return evidence


def test_a_latency_that_every_arm_met_inside_and_none_outside_is_seen() -> None:
    evidence = judged(probes(slow))

    assert evidence.holds
    assert evidence.detail.startswith(
        "orders_to_postgres: naive 801 ms in the fault (16 of 16 hurt as expected), 0.6 ms before, 0.6 ms after; prot"
    )


def test_a_fault_that_did_nothing_is_not_seen() -> None:
    evidence = judged(probes(lambda _: 0.6))

    assert not evidence.holds
    assert "560.0 ms were due" in evidence.remedy


def test_a_fault_that_one_arm_did_not_meet_is_not_seen() -> None:
    found = probes(slow, arms=["naive"]) + probes(lambda _: 0.6, arms=["protected"])

    assert not judged(found).holds


@pytest.mark.parametrize(("ms", "holds"), [(561, True), (559, False)])
def test_an_exchange_must_take_four_fifths_of_latency_minus_jitter(ms: float, holds: bool) -> None:
    """0.8 x (800 - 100) = 560 ms."""
    assert judged(probes(lambda t_s: ms if in_fault(t_s) else 0.6)).holds is holds


@pytest.mark.parametrize(("spared", "holds"), [(1, True), (2, False)])
def test_nine_of_ten_exchanges_must_be_hurt(spared: int, holds: bool) -> None:
    """Of 16 exchanges 1 may be spared (94 %), not 2 (87.5 %)."""
    found = probes(lambda t_s: 0.6 if t_s in (15.0, 16.0)[:spared] else slow(t_s))

    assert judged(found).holds is holds


@pytest.mark.parametrize(("early", "late"), [(4.0, None), (None, 25.0)])
def test_a_link_that_was_hurt_before_or_after_is_no_evidence(early: float | None, late: float | None) -> None:
    def hurt(t_s: float) -> float:
        outside = (early is not None and early <= t_s < early + 2) or (late is not None and late <= t_s < late + 2)
        return 801.0 if outside else slow(t_s)

    evidence = judged(probes(hurt))

    assert not evidence.holds
    assert ("before" if early else "after") in evidence.remedy


def test_a_straggler_in_ten_outside_is_not_held_against_the_run() -> None:
    assert judged(probes(lambda t_s: 900.0 if t_s in (3.0, 25.0) else slow(t_s))).holds


def test_exchanges_across_an_edge_say_neither_inside_nor_outside() -> None:
    """One begins 0.1 s before the window and takes 801 ms, one begins inside and ends behind it, quick or not."""
    found = probes(lambda t_s: 801.0 if t_s == 12.0 else 0.6 if t_s == 21.5 else slow(t_s))

    assert judged(found).holds


def test_fewer_than_three_exchanges_on_a_side_are_no_evidence() -> None:
    early = [probe for probe in probes(slow) if probe.t_s >= 11]

    assert "3 probes" in judged(early).remedy
    assert "3 probes" in judged([]).remedy


def test_a_fault_that_was_never_in_force_is_not_seen() -> None:
    assert judged(probes(slow), None).detail == "orders_to_postgres: no fault was ever in force"


def test_a_fault_in_force_at_another_time_than_its_phase_is_no_evidence() -> None:
    late = WINDOW.model_copy(update={"from_s": 14.0})

    assert "the fault was in force from 14.0 to 21.9 s" in judged(probes(slow), late).detail


@pytest.mark.parametrize(("healed_s", "holds"), [(22.9, True), (23.0, False)])
def test_a_fault_whose_heal_took_longer_than_a_second_is_no_evidence(healed_s: float, *, holds: bool) -> None:
    """The heal began at 21.95 s."""
    evidence = judged(probes(slow), WINDOW.model_copy(update={"healed_s": healed_s}))

    assert evidence.holds is holds
    assert holds or "the heal began at 21.9 s and was done at 23.0 s" in evidence.detail


def test_a_slow_link_on_which_the_probe_gave_up_is_seen() -> None:
    """The probe waits a bounded time; a latency beyond that shows as its timeout, another failure does not."""
    assert judged(probes(broken, error="exchange: nothing within 3 s")).holds
    assert not judged(probes(broken, error="connect: Connection refused")).holds


def test_a_link_that_is_down_refuses_inside_and_not_outside() -> None:
    evidence = down(probes(broken))

    assert evidence.holds
    assert "naive connect: Connection refused in the fault (17 of 17 hurt as expected)" in evidence.detail
    assert not down(probes(lambda _: 0.6)).holds
    assert not down(probes(lambda _: None)).holds


def test_a_slow_answer_is_no_link_that_is_down() -> None:
    assert not down(probes(slow)).holds


def test_a_bandwidth_toxic_must_double_what_the_exchange_took() -> None:
    def at(ms: float) -> Evidence:
        return judged(probes(lambda t_s: ms if in_fault(t_s) else 0.6), type="bandwidth", attributes={"rate": 1})

    assert at(1.3).holds
    assert not at(1.1).holds


def test_a_latency_within_its_jitter_cannot_be_seen() -> None:
    assert "does not exceed its jitter" in judged(probes(slow), attributes={"latency": 50, "jitter": 50}).remedy


def test_a_toxicity_below_one_is_named_when_the_probe_was_spared() -> None:
    assert "set toxicity to 1" in judged(probes(lambda _: 0.6), toxicity=0.5).remedy
    assert judged(probes(slow), toxicity=0.5).holds
    assert not judged(probes(lambda _: 0.6), toxicity=0).holds


def test_every_link_of_a_fault_has_its_own_evidence() -> None:
    links = ["orders_to_postgres", "inventory_to_postgres"]
    window = WINDOW.model_copy(update={"links": tuple(links)})
    found = fault_evidence(scenario(faults=[{**SLOW, "links": links}]), probes(slow), [window])

    assert [(one.name, one.holds) for one in found] == [
        ("fault_seen.orders_to_postgres", True),
        ("fault_seen.inventory_to_postgres", False),
    ]


def test_faults_of_one_link_add_up_and_what_breaks_it_hides_what_slows_it() -> None:
    latency = Toxic(type="latency", links=(LINK,), attributes={"latency": 100, "jitter": 20})
    hang = Toxic(type="timeout", links=(LINK,), toxicity=0.5)
    starve = Toxic(type="bandwidth", links=(LINK,), attributes={"rate": 0})

    assert effect_of([latency, latency]).min_ms == pytest.approx(128)
    assert (effect_of([latency, hang]).broken, effect_of([latency, hang]).toxicity) == (True, 0.5)
    assert effect_of([starve]).broken
    assert effect_of([latency, Down(type="down", links=(LINK,))]).broken


HEALTHY = scenario(faults=[])


def test_without_a_fault_no_link_shows_any() -> None:
    evidence = no_fault_evidence(HEALTHY, probes(lambda _: 0.6))

    assert evidence.holds
    assert evidence.detail == "none on 2 links: 0.6 ms at the median"


@pytest.mark.parametrize("hurt", [slow, broken, lambda t_s: 50.0 if in_fault(t_s) else 0.6])
def test_a_link_that_is_hurt_without_a_fault_is_no_control(hurt: Any) -> None:
    evidence = no_fault_evidence(HEALTHY, probes(hurt))

    assert not evidence.holds
    assert "naive.orders_to_postgres" in evidence.detail


def test_a_control_without_probes_of_each_arm_proves_nothing() -> None:
    assert "no link of protected" in no_fault_evidence(HEALTHY, probes(lambda _: 0.6, arms=["naive"])).detail
    assert not no_fault_evidence(HEALTHY, probes(lambda _: 0.6)[:5]).holds


def test_a_probe_within_half_a_second_of_an_edge_belongs_nowhere() -> None:
    """The window is 12.05 to 21.95 s; the quick exchanges come each half second."""
    views = Views.of(probes(lambda _: 0.6, arms=["naive"]), (12.05, 21.95), effect_of([Toxic.model_validate(SLOW)]))

    assert views.before[-1].t_s == 11.5
    assert (views.inside[0].t_s, views.inside[-1].t_s) == (13.0, 21.0)
    assert views.after[0].t_s == 22.5
