"""What a call costs that has nothing to do: the price of what is wrapped around it."""

import asyncio
from collections.abc import Awaitable, Callable

from chaos.bench.measurement import Measurement, interleaved
from resilience.clock import SystemClock

CALLS = 10_000


async def nothing() -> None:
    """Be an operation that is over at once."""


def never(_: BaseException) -> bool:
    """Count no error: `nothing` raises none."""
    return False


def beside_a_bare_await(name: str, call: Callable[[], Awaitable[None]]) -> Measurement:
    """Measure one awaited `call()` beside one awaited `nothing()`."""
    with asyncio.Runner() as runner:
        value, reference = interleaved(
            lambda: runner.run(microseconds_a_call(call)), lambda: runner.run(microseconds_a_call(nothing))
        )
    return Measurement(f"{name}, beside a bare await", value, "us", reference)


async def microseconds_a_call(call: Callable[[], Awaitable[None]]) -> float:
    """Return the mean time of CALLS calls, one after the other."""
    clock = SystemClock()
    began = clock.now()
    for _ in range(CALLS):
        await call()
    return (clock.now() - began) / CALLS * 1e6
