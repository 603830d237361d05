"""The lab's side of a fault inside a service: applied, healed whatever happens, and read back."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI

from chaos.errors import HealFailed, ServiceFaultError
from chaos.scenario import SlowCall
from chaos.service_faults import switched_on
from resilience import SystemClock
from services.common.faults import FaultSwitch, fault_router

pytestmark = pytest.mark.integration

FAULT = SlowCall.model_validate({"type": "slow_call", "services": ["inventory"], "attributes": {"call_ms": 50}})
ARMS = ("async", "blocking")


@pytest.fixture
async def switches(serve: Any) -> dict[str, tuple[FaultSwitch, str]]:
    """Serve the fault switch of an inventory for each arm."""
    found = {}
    for arm in ARMS:
        app, switch = FastAPI(), FaultSwitch(SystemClock())
        app.include_router(fault_router(switch))
        found[arm] = switch, await serve(app)
    return found


def on(switches: dict[str, tuple[FaultSwitch, str]]) -> list[bool]:
    return [switch.in_force() is not None for switch, _ in switches.values()]


def applied(switches: dict[str, tuple[FaultSwitch, str]], doors: Any = None, ttl_s: float = 30.0) -> Any:
    def door(arm: str, service: str) -> str:
        assert service == "inventory"
        return switches[arm][1]

    return switched_on(FAULT, ARMS, doors or door, SystemClock(), ttl_s=ttl_s)


async def test_it_is_in_force_in_every_arm_inside_the_block_alone(switches: Any) -> None:
    async with applied(switches) as in_force:
        assert on(switches) == [True, True]

    assert on(switches) == [False, False]
    window = in_force.window(in_force.from_s)
    assert 0 == window.from_s <= window.to_s <= window.healed_s
    assert window.title == "a slow call of 50 ms in each reservation of inventory"


@pytest.mark.parametrize("how", ["error", "cancelled"])
async def test_it_is_healed_whatever_way_the_block_is_left(switches: Any, how: str) -> None:
    entered = asyncio.Event()

    async def hold() -> None:
        async with applied(switches):
            entered.set()
            if how == "error":
                raise LookupError
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await entered.wait()
    if how == "cancelled":
        task.cancel()
    with pytest.raises((LookupError, asyncio.CancelledError)):
        await task

    assert on(switches) == [False, False]


async def test_where_one_service_is_not_there_the_other_is_healed(switches: Any) -> None:
    """Nothing may stay in force because something else failed; that nobody knows of the missing one is said."""

    def door(arm: str, _service: str) -> str:
        return str(switches[arm][1]) if arm == "async" else "http://127.0.0.1:9"

    with pytest.raises(HealFailed, match=r"127\.0\.0\.1:9") as caught:
        async with applied(switches, door):
            pytest.fail("it was not applied everywhere")

    assert isinstance(caught.value.__context__, ServiceFaultError | None)
    assert on(switches) == [False, False]


async def test_a_lab_that_dies_leaves_no_service_slow(switches: Any) -> None:
    """The ttl ends it, whoever is left to heal it."""
    block = applied(switches, ttl_s=0.2)
    await block.__aenter__()
    assert on(switches) == [True, True]

    await asyncio.sleep(0.3)

    assert on(switches) == [False, False]
    await block.__aexit__(None, None, None)
