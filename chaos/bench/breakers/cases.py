"""The cases in which circuit breakers differ, written once for all of them.

They run on the real clock, since not every breaker takes another, so what they wait for is short.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from chaos.bench.breakers.guard import FAILURES, Build, Guard, Operation

OPEN_S = 0.05
STAYS_OPEN_S = 600.0
PATIENCE_S = 0.01
IMPATIENT_CALLS = 6
FLOOD = 100


class CaseImpossible(Exception):
    """A case could not be brought about with this breaker; says why."""


@dataclass(frozen=True)
class TimedOut:
    """How many calls reached the dependency, and how many of them were still running after their caller had left."""

    reached: int
    ran_on: int


@dataclass(frozen=True)
class Probed:
    """The state after a probe was cancelled, and when the next probe gets through."""

    state: str
    next_probe: str


class Dependency:
    """Counts what reaches it, and fails, answers or hangs as the case asks."""

    def __init__(self) -> None:
        self.reached = 0
        self.given_up = 0
        self.over = asyncio.Event()
        self.told: Callable[[], object] = _no_matter

    async def fail(self) -> None:
        """Fail at once."""
        self.reached += 1
        raise ConnectionError("down")

    async def answer(self) -> None:
        """Answer at once."""
        self.reached += 1

    async def hang(self) -> None:
        """Say so, then answer only when the case is over."""
        self.reached += 1
        self.told()
        try:
            await self.over.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise

    async def end(self) -> None:
        """Let what still hangs come to its end."""
        self.over.set()
        await asyncio.sleep(PATIENCE_S)


def _no_matter() -> None:
    pass


async def timed_out_by_the_caller(build: Build) -> TimedOut:
    """A: six callers, one after the other, each of which gives up before the dependency answers."""
    guard, dependency = await build(STAYS_OPEN_S), Dependency()
    hang = guard.around(dependency.hang)
    for _ in range(IMPATIENT_CALLS):
        with suppress(Exception):
            async with asyncio.timeout(PATIENCE_S):
                await hang()
    reached, ran_on = dependency.reached, dependency.reached - dependency.given_up
    await dependency.end()
    return TimedOut(reached, ran_on)


async def cancelled_between_failures(build: Build) -> str:
    """C: fail, fail, CANCEL, fail. Returns the state after: open where the cancelled call counted as nothing."""
    guard, dependency = await build(STAYS_OPEN_S), Dependency()
    await _attempt(guard, dependency.fail)
    await _attempt(guard, dependency.fail)
    await _cancel(guard, dependency)
    await _attempt(guard, dependency.fail)
    state = guard.state()
    await dependency.end()
    return state


async def cancelled_probe(build: Build) -> Probed:
    """D: the half-open probe is cancelled."""
    guard, dependency = await build(OPEN_S), Dependency()
    await open_up(guard, dependency)
    await _open_time()
    await _cancel(guard, dependency)
    state = guard.state()
    if await _gets_through(guard, dependency):
        next_probe = "at once"
    else:
        await _open_time()
        next_probe = "after the open time" if await _gets_through(guard, dependency) else "never"
    await dependency.end()
    return Probed(state, next_probe)


async def flood_at_recovery(build: Build) -> int:
    """E: a hundred calls at once as the open time is over. Returns how many reached the dependency."""
    guard, dependency = await build(OPEN_S), Dependency()
    await open_up(guard, dependency)
    await _open_time()
    before = dependency.reached
    async with asyncio.TaskGroup() as group:
        for _ in range(FLOOD):
            group.create_task(_attempt(guard, dependency.hang))
        await asyncio.sleep(PATIENCE_S)
        reached = dependency.reached - before
        dependency.over.set()
    return reached


async def open_up(guard: Guard, dependency: Dependency) -> None:
    """Fail until it is open; raises CaseImpossible where it is not by then."""
    for _ in range(FAILURES):
        await _attempt(guard, dependency.fail)
    if guard.state() != "open":
        raise CaseImpossible(f"it was {guard.state()} after {FAILURES} failures")


async def _open_time() -> None:
    await asyncio.sleep(1.5 * OPEN_S)


async def _attempt(guard: Guard, operation: Operation) -> None:
    """Call once; what it raises, a refusal or a failure, is no matter."""
    with suppress(Exception):
        await guard.around(operation)()


async def _cancel(guard: Guard, dependency: Dependency) -> None:
    """Call, and cancel the caller once the dependency has been reached; raises CaseImpossible where it never was."""
    loop, before = asyncio.get_running_loop(), dependency.reached
    task = asyncio.create_task(_attempt(guard, dependency.hang))
    dependency.told = lambda: loop.call_soon(task.cancel)
    await asyncio.wait([task])
    if dependency.reached == before:
        raise CaseImpossible("the call to be cancelled was refused")


async def _gets_through(guard: Guard, dependency: Dependency) -> bool:
    before = dependency.reached
    await _attempt(guard, dependency.answer)
    return dependency.reached > before
