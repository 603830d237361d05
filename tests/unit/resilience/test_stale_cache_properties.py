"""However callers, times, failures and cancellations follow each other: no copy too old, no two loads for one key."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from resilience import Clock, ignore
from resilience.stale_cache import StaleCache, StaleCacheSettings
from resilience.stale_cache_store import Entry, MemoryStore
from resilience.states import Freshness

KEYS = st.sampled_from("ab")
# Few instants, so that many things happen at the same one.
SECONDS = st.integers(0, 4)
Loop = Callable[[], asyncio.AbstractEventLoop]


class FarStore(MemoryStore[float]):
    """A store that takes a tenth of a second each way."""

    async def get(self, key: str) -> Entry[float] | None:
        await asyncio.sleep(0.1)
        return await super().get(key)

    async def put(self, key: str, entry: Entry[float]) -> None:
        await asyncio.sleep(0.1)
        await super().put(key, entry)


class AnyDay(RuleBasedStateMachine):
    """A value is the instant at which its load ended, so that its age can be seen."""

    def __init__(self, loop: Loop, clock: Clock) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=loop)
        self.clock = clock
        self.seconds = 1
        self.fails = False
        self.in_flight = dict.fromkeys("ab", 0)
        self.most_in_flight = 0
        self.failed_at: dict[str, float] = {}
        self.askers: list[asyncio.Task[None]] = []

    @initialize(
        fresh_s=st.integers(1, 3),
        stale_s=SECONDS,
        error_s=SECONDS,
        beta=st.none() | st.just(1.0),
        refresh_timeout_s=st.integers(1, 3),
        store=st.sampled_from([MemoryStore, FarStore]),
        max_entries=st.integers(1, 2),
    )
    def build(self, store: Any, max_entries: int, beta: float | None, **times: float) -> None:
        self.settings = StaleCacheSettings(xfetch_beta=beta, **times)
        self.way_s = 0.1 if store is FarStore else 0.0

        async def build() -> StaleCache[float]:
            return StaleCache(
                "link",
                self.settings,
                store=store(max_entries),
                failures=lambda error: isinstance(error, ConnectionError),
                clock=self.clock,
                rng=random.Random(7),  # noqa: S311 -- a seed makes the test repeatable
                listener=ignore,
            )

        self.cache = self.runner.run(build())

    @rule(seconds=SECONDS, fails=st.booleans())
    def the_dependency_changes(self, seconds: int, fails: bool) -> None:
        self.seconds, self.fails = seconds, fails

    @rule(key=KEYS, callers=st.integers(1, 3))
    def some_ask(self, key: str, callers: int) -> None:
        self.askers += [self.runner.get_loop().create_task(self.ask(key)) for _ in range(callers)]

    @rule(seconds=SECONDS, tenths=st.sampled_from([0, 1, 5]))
    def time_passes(self, seconds: int, tenths: int) -> None:
        self.runner.run(asyncio.sleep(seconds + tenths / 10))
        self.look()

    @precondition(lambda self: self.askers)
    @rule(data=st.data())
    def one_is_cancelled(self, data: Any) -> None:
        data.draw(st.sampled_from(self.askers)).cancel()

    @invariant()
    def at_most_one_load_a_key(self) -> None:
        assert self.most_in_flight <= 1

    def look(self) -> None:
        """Let the error of a caller's own check out; a failed load is none."""
        over = [task for task in self.askers if task.done()]
        self.askers = [task for task in self.askers if not task.done()]
        for task in over:
            if not task.cancelled():
                task.result()

    async def ask(self, key: str) -> None:
        """Ask, and check what is told."""
        now = asyncio.get_running_loop().time
        times = self.settings
        try:
            answer = await self.cache.get(key, lambda: self.load(key))
        except ConnectionError:
            return
        age_s = now() - answer.value
        if answer.freshness is Freshness.FRESH:
            assert age_s < times.fresh_s
        elif answer.freshness is Freshness.STALE_REFRESHED:
            assert times.fresh_s <= age_s < times.fresh_s + times.stale_s
        elif answer.freshness is Freshness.STALE_ON_ERROR:
            assert times.fresh_s + times.stale_s <= age_s < times.fresh_s + times.stale_s + times.error_s
            assert self.failed_at[key] == now()
        else:
            assert age_s == pytest.approx(self.way_s)

    async def load(self, key: str) -> float:
        fails = self.fails
        self.in_flight[key] += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight[key])
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.in_flight[key] -= 1
        if fails:
            self.failed_at[key] = asyncio.get_running_loop().time()
            raise ConnectionError
        return asyncio.get_running_loop().time()

    def teardown(self) -> None:
        async def end() -> None:
            for task in self.askers:
                task.cancel()
            await asyncio.gather(*self.askers, return_exceptions=True)
            await self.cache.aclose()
            assert asyncio.all_tasks() == {asyncio.current_task()}

        with self.runner:
            if hasattr(self, "cache"):
                self.runner.run(end())
        assert self.in_flight == {"a": 0, "b": 0}


def test_any_day(virtual_run: Callable[..., Any], clock: Clock) -> None:
    async def kind_of_loop() -> Loop:
        return type(asyncio.get_running_loop())

    loop = virtual_run(kind_of_loop())
    run_state_machine_as_test(
        lambda: AnyDay(loop, clock),  # type: ignore[arg-type]  # whatever makes one will do
        settings=settings(
            max_examples=150,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture],
        ),
    )
