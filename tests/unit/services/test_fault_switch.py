"""The fault switch of a process: off, on for a while, never on by a stranger, and unknown to the business code."""

import asyncio
import inspect
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import PlainTextResponse

from resilience import SystemClock
from services.common import problems
from services.common.faults import FaultSwitch, SlowCall, fault_router

CALL = {"type": "slow_call", "call_ms": 30, "ttl_s": 60}


class Clock(SystemClock):
    """A clock that stands still until it is told; notes how it was waited on."""

    def __init__(self) -> None:
        self.at_s, self.waits = 100.0, list[tuple[str, float]]()

    def now(self) -> float:
        return self.at_s

    async def sleep(self, delay_s: float) -> None:
        self.waits.append(("awaited", delay_s))

    def block(self, delay_s: float) -> None:
        self.waits.append(("blocked", delay_s))


async def answer(sku: str) -> str:
    return sku


def answer_in_thread(sku: str) -> str:
    return sku


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(
    ("kind", "handler", "how"),
    [("async", answer, "awaited"), ("def", answer_in_thread, "blocked"), ("blocking", answer, "blocked")],
)
def test_a_call_is_slow_in_the_way_of_its_handler_while_the_fault_lasts(
    clock: Clock, kind: Any, handler: Any, how: str
) -> None:
    """Nothing before, nothing after its ttl; the handler's own signature stays, for FastAPI reads it."""
    switch = FaultSwitch(clock)
    wrapped = switch.wrapped(handler, kind)

    def ask() -> Any:
        result = wrapped("sku-1")
        return asyncio.run(result) if inspect.iscoroutine(result) else result

    assert ask() == "sku-1"
    switch.put(SlowCall.model_validate(CALL))
    assert ask() == ask() == "sku-1"
    clock.at_s += 60
    assert ask() == "sku-1"

    assert (clock.waits, switch.slow_calls) == ([(how, 0.03), (how, 0.03)], 2)
    assert switch.in_force() is None
    assert inspect.iscoroutinefunction(wrapped) is inspect.iscoroutinefunction(handler)
    assert inspect.signature(wrapped) == inspect.signature(handler)


def app_with(switch: FaultSwitch) -> FastAPI:
    app, router = FastAPI(), APIRouter()
    router.add_api_route("/work", lambda: PlainTextResponse("done"))
    app.include_router(router)
    app.include_router(fault_router(switch))
    problems.install(app)
    return app


def speak(app: FastAPI, host: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(host, 5)), base_url="http://shop")


@pytest.mark.parametrize("host", ["127.0.0.1", "172.18.0.1"])
async def test_the_lab_turns_it_on_reads_it_back_and_turns_it_off(clock: Clock, host: str) -> None:
    """From this machine, or from a container's network."""
    client = speak(app_with(FaultSwitch(clock)), host)

    assert (await client.get("/faults")).json() == {"fault": None, "slow_calls": 0}
    assert (await client.put("/faults", json=CALL)).json()["fault"] == CALL
    assert (await client.get("/faults")).json()["fault"] == CALL
    assert (await client.delete("/faults")).json()["fault"] is None
    assert (await client.delete("/faults")).status_code == 200


@pytest.mark.parametrize("host", ["8.8.8.8", "testclient", ""])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_stranger_is_refused(clock: Clock, host: str, method: str) -> None:
    switch = FaultSwitch(clock)

    answer = await speak(app_with(switch), host).request(method, "/faults", json=CALL)

    assert answer.status_code == 403
    assert switch.in_force() is None


@pytest.mark.parametrize(
    "change", [{"ttl_s": None}, {"ttl_s": 0}, {"call_ms": 0}, {"call_ms": 60_001}, {"type": "crash"}, {"more": 1}]
)
async def test_nonsense_is_refused_and_nothing_is_in_force(clock: Clock, change: dict[str, Any]) -> None:
    """Without a ttl above all: a lab that dies must leave no service slow."""
    switch = FaultSwitch(clock)
    body = {name: value for name, value in {**CALL, **change}.items() if value is not None}

    assert (await speak(app_with(switch), "127.0.0.1").put("/faults", json=body)).status_code == 422
    assert switch.in_force() is None
