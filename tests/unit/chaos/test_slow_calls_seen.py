"""A fault inside a service counts when the service itself counted slow calls, in the fault phase and in no other."""

from collections.abc import Callable, Iterator

import pytest

from chaos.judging.slow_calls_seen import slow_call_evidence, slow_calls
from chaos.recording.metrics_file import Scrape
from chaos.run import Evidence, FaultWindow
from services.common.metrics import SLOW_CALLS_TOTAL
from tests.unit.chaos.builders import scenario

SLOW_CALL = {"type": "slow_call", "services": ["inventory"], "attributes": {"call_ms": 50}}
TITLE = "a slow call of 50 ms in each reservation of inventory"
WINDOW = FaultWindow(title=TITLE, links=(), from_s=12.02, to_s=22.0, healed_s=26.0)
Count = Callable[[float], float]


def counted(t: float) -> float:
    """Ten a second from 12 to 22 s."""
    return 10 * (min(max(t, 12.0), 22.0) - 12)


def scrapes(counts: dict[str, Count], *, missed: tuple[float, float] = (0, 0)) -> Iterator[Scrape]:
    for number in range(64):
        t = number / 2
        for arm, count in counts.items():
            samples = {f'{SLOW_CALLS_TOTAL}{{service="inventory",arm="{arm}"}}': count(t)}
            yield Scrape(t, "inventory", arm, None if missed[0] <= t < missed[1] else samples)


def seen(found: Iterator[Scrape], window: FaultWindow = WINDOW) -> Evidence:
    asked = scenario(faults=[SLOW_CALL])
    (evidence,) = slow_call_evidence(asked, slow_calls(asked, found), [window])
    return evidence


def test_slow_calls_in_the_fault_phase_alone_are_evidence() -> None:
    evidence = seen(scrapes({"naive": counted, "protected": counted}))

    assert (evidence.name, evidence.holds) == ("fault_seen.inventory", True)
    assert evidence.detail == "inventory: naive 100 slow calls; protected 100 slow calls"


def test_a_blocked_service_that_answered_late_is_no_doubt() -> None:
    assert seen(scrapes({"naive": counted, "protected": counted}, missed=(12.5, 22.5))).holds


@pytest.mark.parametrize(
    ("count", "why"),
    [
        (lambda _: 0.0, "no call was slow"),
        (lambda t: counted(t) + 1, "outside the fault phase"),
        (lambda t: counted(t) + (t > 25), "outside the fault phase"),
    ],
)
def test_what_the_other_arm_counted_is_no_help(count: Count, why: str) -> None:
    evidence = seen(scrapes({"naive": counted, "protected": count}))

    assert not evidence.holds
    assert "protected: " in evidence.detail
    assert why in evidence.detail
    assert evidence.remedy


@pytest.mark.parametrize("missed", [(0, 12.5), (12, 40), (22.5, 40)])
def test_a_service_that_was_not_asked_when_it_matters_proves_nothing(missed: tuple[float, float]) -> None:
    assert "not asked often enough" in seen(scrapes({"naive": counted, "protected": counted}, missed=missed)).detail


def test_a_fault_that_began_late_is_said() -> None:
    late = WINDOW.model_copy(update={"from_s": 14.0})

    evidence = seen(scrapes({"naive": counted, "protected": counted}), late)

    assert not evidence.holds
    assert "14.0 to 22.0 s" in evidence.detail


def test_a_scenario_without_such_a_fault_has_no_such_evidence() -> None:
    assert slow_call_evidence(scenario(), slow_calls(scenario(), iter([])), []) == []
