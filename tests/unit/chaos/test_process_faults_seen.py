"""A kill or a pause counts when the victim's own door failed meanwhile, and the right process came back."""

from collections.abc import Mapping

import pytest

from chaos.judging.process_faults_seen import process_fault_evidence
from chaos.outage import Outage
from chaos.records import Probe
from chaos.run import Evidence
from tests.unit.chaos.builders import scenario

# The fault phase is 12 to 22 s.
KILL = {"type": "kill", "services": ["orders"], "attributes": {"down_ms": 4000}}
PAUSE = {"type": "pause", "services": ["orders"]}
DEAD = Outage(
    service="orders", arm="naive", process="orders-a", signal="SIGKILL",
    from_s=12.05, back_s=16.05, ready_s=17.15, same_process=False, began_s=16.1,
)  # fmt: skip
STILL = DEAD.model_copy(
    update={"signal": "SIGSTOP", "back_s": 22.0, "ready_s": 22.15, "same_process": True, "began_s": -5.0}
)


def door(fails: tuple[float, float], arm: str = "naive", name: str = "lab_to_orders") -> list[Probe]:
    """Ask four times a second; every answer takes 2 ms but between these seconds, where there is none."""
    times = [tick / 4 for tick in range(128)]
    return [Probe(t, arm, name, None if fails[0] <= t < fails[1] else 2.0, "no answer") for t in times]


def seen(
    fault: Mapping[str, object], outages: list[Outage], probes: list[Probe], arms: tuple[str, ...] = ("naive",)
) -> Evidence:
    asked = scenario(faults=[fault], arms=[{"name": arm, "profile": arm} for arm in arms])
    (evidence,) = process_fault_evidence(asked, probes, outages)
    return evidence


def test_a_kill_is_seen_by_the_door_and_by_the_new_process() -> None:
    evidence = seen(KILL, [DEAD], door((12.05, 17.2)))

    assert evidence.name == "fault_seen.orders"
    assert evidence.holds, evidence.detail
    assert "naive dead for 5.1 s from SIGKILL to ready" in evidence.detail
    assert "no answer; 2.0 ms before, 2.0 ms after" in evidence.detail


def test_a_pause_is_seen_by_the_door_and_by_the_same_process() -> None:
    evidence = seen(PAUSE, [STILL], door((12.05, 22.1)))

    assert evidence.holds, evidence.detail
    assert "naive standing still for 10.1 s" in evidence.detail


def test_what_all_arms_share_must_have_been_missed_by_each() -> None:
    shared = DEAD.model_copy(update={"service": "postgres", "arm": None, "process": "postgres"})
    kill = {**KILL, "services": ["postgres"]}
    arms = ("naive", "protected")
    of_naive = door((12.05, 17.2), "naive", "lab_to_postgres")

    both = [*of_naive, *door((12.05, 17.2), "protected", "lab_to_postgres")]
    one = [*of_naive, *door((0, 0), "protected", "lab_to_postgres")]

    assert seen(kill, [shared], both, arms).holds
    assert "protected: its door went on answering" in seen(kill, [shared], one, arms).detail
    assert "protected: its door was asked too seldom" in seen(kill, [shared], of_naive, arms).detail


def test_an_arm_whose_process_was_spared_is_named() -> None:
    probes = [*door((12.05, 17.2)), *door((12.05, 17.2), "protected")]

    evidence = seen(KILL, [DEAD], probes, ("naive", "protected"))

    assert not evidence.holds
    assert "protected: nothing was done to it" in evidence.detail


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        ((0, 0), "its door went on answering"),
        ((0, 17.2), "its door failed before, too"),
        ((12.05, 40), "its door failed afterwards, too"),
        ((14.5, 17.2), "its door went on answering"),
    ],
)
def test_a_door_that_fails_at_other_times_is_no_evidence(fails: tuple[float, float], said: str) -> None:
    evidence = seen(KILL, [DEAD], door(fails))

    assert not evidence.holds
    assert said in evidence.detail
    assert evidence.remedy


@pytest.mark.parametrize(
    ("fault", "changes", "said"),
    [
        (KILL, {"same_process": True}, "the same process answers after the kill"),
        (KILL, {"began_s": -5.0}, "the process that answers began at -5.0 s, not while it was down"),
        (KILL, {"began_s": 25.0}, "not while it was down"),
        (KILL, {"back_s": 19.0, "ready_s": 19.5}, "it was brought back at 19.0 s, and 16.1 s was asked for"),
        (KILL, {"from_s": 14.0, "back_s": 18.0}, "the signal came at 14.0 s, and the fault phase began at 12.0 s"),
        (PAUSE, {"same_process": False}, "another process answers after the pause"),
        (PAUSE, {"back_s": 16.0}, "it was brought back at 16.0 s, and 22.0 s was asked for"),
    ],
)
def test_a_process_that_went_or_came_otherwise_is_no_evidence(
    fault: Mapping[str, object], changes: dict[str, object], said: str
) -> None:
    outage = (DEAD if fault is KILL else STILL).model_copy(update=changes)

    evidence = seen(fault, [outage], door((outage.from_s, outage.ready_s)))

    assert not evidence.holds
    assert said in evidence.detail


def test_a_kill_without_a_time_lasts_as_long_as_the_fault_phase() -> None:
    whole = DEAD.model_copy(update={"back_s": 22.0, "ready_s": 23.0, "began_s": 22.1})
    fault = {**KILL, "attributes": {}}

    assert seen(fault, [whole], door((12.05, 23.0))).holds
    assert "22.0 s was asked for" in seen(fault, [DEAD], door((12.05, 17.2))).detail


def test_other_faults_are_of_other_evidence() -> None:
    assert process_fault_evidence(scenario(), door((12, 22)), [DEAD]) == []
