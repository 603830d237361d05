"""The load meets the fault: the services themselves counted calls over the faulted link while it was faulted."""

from collections.abc import Iterator

import pytest

from chaos.judging.link_used import calls_in_fault, link_used
from chaos.recording.metrics_file import Scrape
from tests.unit.chaos.builders import scenario

LINK = "orders_to_postgres"
NAIVE, PROTECTED = ("naive", LINK), ("protected", LINK)
# Each half second of a scenario whose fault is from 12 to 22 s.
TICKS = [number / 2 for number in range(64)]


def scrapes(
    *,
    arm: str = "naive",
    service: str = "orders",
    link: str = LINK,
    ended: dict[float, int] | None = None,
    missed: tuple[float, float] = (0, 0),
    in_flight: int = 0,
) -> Iterator[Scrape]:
    """Yield the scrapes of one service; `ended` says how many calls ended at which instant."""
    for t in TICKS:
        count = sum(calls for at_s, calls in (ended or {}).items() if at_s <= t)
        samples = {
            f'resilience_calls_total{{link="{link}",outcome="success",arm="{arm}"}}': 500.0,
            f'resilience_calls_total{{link="{link}",outcome="rejected",arm="{arm}"}}': float(count),
            'resilience_calls_total{link="orders_to_payments",outcome="success",arm="naive"}': t,
            f'http_server_in_flight{{service="{service}",arm="{arm}"}}': float(in_flight),
        }
        yield Scrape(t, service, arm, None if missed[0] <= t < missed[1] else samples)


def counted(found: Iterator[Scrape]) -> int | None:
    return calls_in_fault(scenario(), found)[NAIVE]


def test_calls_that_ended_in_the_fault_count_in_whatever_way() -> None:
    assert counted(scrapes(ended={13.0: 3, 20.0: 4})) == 7


@pytest.mark.parametrize("at_s", [5.0, 11.9, 12.0, 22.1, 30.0])
def test_calls_before_and_after_the_fault_do_not_count(at_s: float) -> None:
    """What had ended when the caller was first asked in the fault may have ended before it."""
    assert counted(scrapes(ended={at_s: 9})) == 0


def test_calls_over_another_link_do_not_count() -> None:
    assert counted(scrapes(link="orders_to_inventory", ended={13.0: 9})) is None
    assert counted(scrapes()) == 0


def test_where_no_call_ends_those_that_hang_in_the_caller_count() -> None:
    assert counted(scrapes(in_flight=12)) == 12
    assert counted(scrapes(in_flight=12, ended={13.0: 3})) == 3


def test_a_caller_that_was_too_busy_for_some_scrapes_is_counted_between_the_others() -> None:
    assert counted(scrapes(ended={13.0: 3}, missed=(13, 21))) == 3
    assert counted(scrapes(ended={13.0: 3}, missed=(12.5, 40))) is None
    assert counted(iter([])) is None


def test_a_caller_that_answered_nothing_in_the_fault_is_counted_from_before_it_to_after_it() -> None:
    """Its event loop may be what the fault blocks."""
    assert counted(scrapes(ended={11.0: 5, 13.0: 3, 25.0: 2}, missed=(12, 24))) == 3
    assert counted(scrapes(ended={13.0: 3}, missed=(12, 40))) is None


def test_only_the_links_own_caller_in_the_same_arm_is_asked() -> None:
    assert counted(scrapes(service="inventory", ended={13.0: 3})) is None
    assert calls_in_fault(scenario(), scrapes(ended={13.0: 3})) == {NAIVE: 3, PROTECTED: None}


def test_a_link_that_every_arm_used_is_used() -> None:
    evidence = link_used(scenario(), {NAIVE: 7, PROTECTED: 1200})

    assert (evidence.holds, evidence.remedy) == (True, "")
    assert evidence.detail == "the fewest calls in the fault: 7 over naive.orders_to_postgres"


def test_a_link_that_one_arm_did_not_use_is_no_evidence() -> None:
    evidence = link_used(scenario(), {NAIVE: 7, PROTECTED: 0})

    assert not evidence.holds
    assert evidence.detail == "in the fault no call went over protected.orders_to_postgres"
    assert "fault a link that this load uses" in evidence.remedy


def test_what_is_not_known_is_no_evidence() -> None:
    for calls in ({NAIVE: 7, PROTECTED: None}, {NAIVE: 7}):
        evidence = link_used(scenario(), calls)

        assert not evidence.holds
        assert "protected.orders_to_postgres" in evidence.detail


def heard(counts: dict[float, int]) -> int | None:
    """Return what counts for a link on which notifications listens: its scrapes say what it had taken by when."""
    fault = {"type": "down", "links": ["notifications_to_kafka"]}
    name = 'consumer_consumed_total{service="notifications",arm="naive"}'
    found = [Scrape(t, "notifications", "naive", {name: float(count)}) for t, count in counts.items()]
    asked = scenario(faults=[fault], needs=["events"])
    return calls_in_fault(asked, found)["naive", "notifications_to_kafka"]


def test_over_a_link_on_which_somebody_listens_what_came_in_the_baseline_counts() -> None:
    """The baseline is 2 to 12 s. In the fault nobody hears anything, and makes no call either."""
    assert heard({1.0: 5, 3.0: 10, 11.5: 60, 13.0: 60, 21.0: 60}) == 50
    assert heard({3.0: 10, 11.5: 10, 13.0: 90}) == 0
    assert heard({11.5: 10, 13.0: 90}) is None
