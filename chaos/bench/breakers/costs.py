"""What a breaker costs: memory while it refuses, time while all is well."""

import asyncio
import gc
import tracemalloc
from collections.abc import Mapping
from contextlib import suppress
from statistics import median

from chaos.bench.awaiting import nothing
from chaos.bench.breakers.cases import STAYS_OPEN_S, CaseImpossible, Dependency, open_up
from chaos.bench.breakers.guard import Build, Guarded
from resilience.clock import SystemClock

# Batches shorter than a time slice: on a busy machine most of them still run in one piece, and the median is theirs.
ROUNDS = 1001
BATCH = 50
REFUSALS = 20_000
WARM_UP = 500


async def grown_bytes(build: Build, refusals: int = REFUSALS) -> int:
    """M: return how much more memory is in use after `refusals` refused calls than before; raises CaseImpossible."""
    guard, dependency = await build(STAYS_OPEN_S), Dependency()
    await open_up(guard, dependency)
    reached, refused = dependency.reached, guard.around(dependency.answer)
    await _swallow(refused, WARM_UP)
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        await _swallow(refused, refusals)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    if dependency.reached != reached:
        raise CaseImpossible("a call got through while it was open")
    return after - before


async def _swallow(call: Guarded, times: int) -> None:
    """Call and be refused, with a turn of the loop after each, or what is left for the loop to do would count."""
    for _ in range(times):
        with suppress(Exception):
            await call()
        await asyncio.sleep(0)


async def happy_path(guarded: Mapping[str, Guarded], rounds: int = ROUNDS) -> tuple[float, dict[str, float]]:
    """T: return microseconds of a bare await, and what each guarded `nothing` takes beyond it.

    All take turns, so that a busy second hits all of them; medians of the rounds after the first.
    """
    bare: list[float] = []
    taken: dict[str, list[float]] = {name: [] for name in guarded}
    for _ in range(1 + rounds):
        bare.append(await _microseconds_a_call(nothing))
        for name, call in guarded.items():
            taken[name].append(await _microseconds_a_call(call))
    bare_us = median(bare[1:])
    return bare_us, {name: median(batches[1:]) - bare_us for name, batches in taken.items()}


async def _microseconds_a_call(call: Guarded) -> float:
    """Time one batch; what it leaves for the event loop to do is done after it, or it would pile up."""
    clock = SystemClock()
    began = clock.now()
    for _ in range(BATCH):
        await call()
    taken_s = clock.now() - began
    await asyncio.sleep(0)
    return taken_s / BATCH * 1e6
