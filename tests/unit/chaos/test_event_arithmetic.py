"""The numbers in the comments of the scenarios about processes and events are those of their own load and phases."""

import pytest

from chaos.scenario import Kill, Messages, Pause
from tests.unit.chaos.test_scenario_arithmetic import asked, bank, bank_per_s, said


def test_what_naive_owes_after_a_pause() -> None:
    scenario, text = asked("payments-paused"), said("payments-paused")
    per_s, fault_s, patience_s = scenario.load.checkout_per_s, scenario.phases.fault_s, scenario.load.patience_s
    latency_ms, slots = bank()
    backlog = per_s * fault_s

    assert isinstance(scenario.faults[0], Pause)
    assert f"{per_s:g} checkouts a second for {fault_s:g} s are {backlog:g}" in text
    assert f"{fault_s - patience_s:g} x {per_s:g} = {(fault_s - patience_s) * per_s:g} oldest" in text
    assert f"the bank takes {slots} / {latency_ms / 1000:g} s = {bank_per_s():g} a second" in text
    assert f"{backlog:g} / ({bank_per_s():g} - {per_s:g}) = {backlog / (bank_per_s() - per_s):.1f} s" in text


def test_what_is_under_way_when_postgres_dies() -> None:
    scenario = asked("postgres-killed")

    assert isinstance(scenario.faults[0], Kill)
    assert f"{scenario.load.checkout_per_s:g}/s x 0.13 s = {scenario.load.checkout_per_s * 0.13:.0f} under way" in said(
        "postgres-killed"
    )


def test_who_is_not_told_while_the_broker_is_gone() -> None:
    scenario, text = asked("kafka-down"), said("kafka-down")
    per_s, fault_s = scenario.load.checkout_per_s, scenario.phases.fault_s
    gave_up_s = fault_s - scenario.load.patience_s

    assert f"{per_s:g} x {gave_up_s:g} = {per_s * gave_up_s:g} have an order" in text
    assert f"{per_s:g} x {scenario.phases.recovery_s:g} = {per_s * scenario.phases.recovery_s:g}, nobody" in text
    assert f"{per_s:g} x {fault_s:g} = {per_s * fault_s:g} events" in text


def test_how_many_events_a_slow_batch_holds() -> None:
    scenario = asked("kafka-slow")
    batch_s = scenario.faults[0].model_dump()["attributes"]["latency"] / 1000

    assert (
        f"{scenario.load.checkout_per_s:g}/s x {batch_s:g} s = {scenario.load.checkout_per_s * batch_s:g} events"
        in (said("kafka-slow"))
    )


def test_whom_nobody_notifies_after_poison() -> None:
    scenario, text = asked("poison-message"), said("poison-message")
    phases, per_s = scenario.phases, scenario.load.checkout_per_s
    (fault,) = scenario.faults

    assert isinstance(fault, Messages)
    assert fault.attributes.poison == 10
    assert "writes ten messages" in text
    assert f"({phases.fault_s:g} + {phases.recovery_s:g}) s = {per_s * (phases.fault_s + phases.recovery_s):g}" in text


def test_how_many_come_twice() -> None:
    """Fewer than lie there by then, also in the emptiest of the four partitions."""
    scenario, text = asked("duplicate-delivery"), said("duplicate-delivery")
    (fault,) = scenario.faults
    there = scenario.load.checkout_per_s * (scenario.phases.settle_s + scenario.phases.baseline_s)

    assert isinstance(fault, Messages)
    assert f"newest {fault.attributes.repeated} of the some" in text
    assert f"= {there:g} messages" in text
    assert fault.attributes.repeated < there / 2


@pytest.mark.parametrize(("name", "sessions"), [("consumer-stuck", 2)])
def test_a_consumer_stands_still_for_longer_than_its_session(name: str, sessions: int) -> None:
    scenario = asked(name)
    events = scenario.load.checkout_per_s * scenario.phases.fault_s

    assert scenario.phases.fault_s == sessions * 10
    assert f"{scenario.load.checkout_per_s:g} x {scenario.phases.fault_s:g} = {events:g} events" in said(name)
