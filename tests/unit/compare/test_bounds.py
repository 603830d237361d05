"""Bounds worked out by hand, and the numbers in them held against the services they are about."""

import pytest
from anyio import to_thread

from chaos.compare.bounds import DEFAULTS, ROUND_TRIPS, Bound, Resources, bound
from chaos.scenario import Down, Fault, Handler, SlowCall, Toxic
from services.inventory.blocking import POOL_SIZE

SLOW_LINK = Toxic(type="latency", links=("inventory_to_postgres",), attributes={"latency": 150})
SLOW_CALL = SlowCall.model_validate({"type": "slow_call", "services": ["inventory"], "attributes": {"call_ms": 50}})


@pytest.mark.parametrize(
    ("fault", "handler", "per_s", "text", "limit"),
    [
        (SLOW_LINK, "async", 33.333, "10 / (2 x 0.15 s) = 33.3 /s", "connections"),
        (SLOW_LINK, "def", 66.667, "10 / 0.15 s = 66.7 /s", "connections"),
        (SLOW_LINK, "blocking", 6.667, "1 / 0.15 s = 6.7 /s", "the event loop"),
        (SLOW_CALL, "def", 800.0, "40 / 0.05 s = 800.0 /s", "threads"),
        (SLOW_CALL, "blocking", 20.0, "1 / 0.05 s = 20.0 /s", "the event loop"),
    ],
)
def test_a_bound_is_servers_over_the_time_they_are_held(
    fault: Fault, handler: Handler, per_s: float, text: str, limit: str
) -> None:
    found = bound(fault, handler, DEFAULTS)

    assert found is not None
    assert found.per_s == pytest.approx(per_s, abs=0.001)
    assert (found.sum, found.limit) == (text, limit)


def test_threads_bound_where_they_are_fewer_than_connections() -> None:
    assert bound(SLOW_LINK, "def", Resources(pool_size=10, thread_tokens=3)) == Bound(
        20.0, "3 / 0.15 s = 20.0 /s", "threads"
    )


def test_awaited_calls_bound_nothing() -> None:
    assert bound(SLOW_CALL, "async", DEFAULTS) == Bound(None, "no bound", "nothing")


@pytest.mark.parametrize(
    "fault",
    [
        Down(type="down", links=("inventory_to_postgres",)),
        Toxic(type="latency", links=("orders_to_postgres",), attributes={"latency": 150}),
        Toxic(type="latency", links=("inventory_to_postgres",), attributes={"latency": 0}),
        Toxic(type="bandwidth", links=("inventory_to_postgres",), attributes={"rate": 10}),
    ],
)
def test_a_fault_that_slows_no_call_of_a_handler_has_no_bound(fault: Fault) -> None:
    assert bound(fault, "blocking", DEFAULTS) is None


async def test_the_numbers_are_those_of_the_services() -> None:
    assert DEFAULTS.pool_size == POOL_SIZE
    assert to_thread.current_default_thread_limiter().total_tokens == DEFAULTS.thread_tokens
    assert set(ROUND_TRIPS) == {"async", "def", "blocking"}
