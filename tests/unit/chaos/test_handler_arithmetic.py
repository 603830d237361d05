"""What the two scenarios that compare handlers promise is what their numbers give."""

from pathlib import Path

import pytest
from anyio import to_thread

from chaos.scenario import Scenario
from chaos.scenario.file import load_scenario
from services.inventory.blocking import POOL_SIZE
from tests.unit.chaos.test_scenario_arithmetic import POOL, ROOT, ROUND_TRIPS, said


def asked(name: str) -> Scenario:
    return load_scenario(name, root=Path(ROOT))


def repeated(scenario: Scenario) -> float:
    """Return the checkouts a second, those that are sent twice included."""
    return scenario.load.checkout_per_s * (1 + scenario.load.repeat_share)


async def test_three_ways_to_wait_for_a_slow_database() -> None:
    scenario, text = asked("sync-vs-async"), said("sync-vs-async")
    round_trip_s = scenario.faults[0].model_dump()["attributes"]["latency"] / 1000
    tokens = to_thread.current_default_thread_limiter().total_tokens

    assert f"{POOL} / {ROUND_TRIPS * round_trip_s:g} s = {int(POOL / (ROUND_TRIPS * round_trip_s))} a second" in text
    assert f"{POOL_SIZE} / {round_trip_s:g} s = {int(POOL_SIZE / round_trip_s)} a second" in text
    assert f"{tokens:g} / {round_trip_s:g} = {int(tokens / round_trip_s)}" in text
    assert f"1 / {round_trip_s:g} s = {1 / round_trip_s:.1f} a second of {repeated(scenario):g}" in text


async def test_one_blocking_call_in_three_kinds_of_handler() -> None:
    scenario, text = asked("blocking-call"), said("blocking-call")
    call_s = scenario.faults[0].model_dump()["attributes"]["call_ms"] / 1000
    per_s = repeated(scenario)
    tokens = to_thread.current_default_thread_limiter().total_tokens

    assert f"({per_s:g} with repeats) x {call_s:g} s = {per_s * call_s:.1f} such calls at once" in text
    assert f"{tokens:g} / {call_s:g} s = {tokens / call_s:g} a second" in text
    assert f"1 / {call_s:g} s = {1 / call_s:g} a second of {per_s:g}" in text
    assert f"grows by {int(per_s - 1 / call_s)} a second" in text


@pytest.mark.parametrize("name", ["sync-vs-async", "blocking-call"])
def test_only_their_handlers_tell_the_arms_apart(name: str) -> None:
    arms = asked(name).arms

    assert [(arm.name, arm.handler) for arm in arms] == [(kind, kind) for kind in ("async", "def", "blocking")]
    assert {arm.profile for arm in arms} == {"naive"}
    assert not asked(name).one_profile
