"""What holds for shared calls however their callers come and go."""

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilience import Event
from resilience.events import CallShared
from resilience.single_flight import SingleFlight

# Few instants, so that many things happen at the same one.
TENTHS = st.integers(0, 5)
CALL = st.tuples(st.sampled_from("ab"), TENTHS, st.integers(0, 3), st.none() | st.tuples(TENTHS, st.integers(0, 4)))


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CALL, min_size=2, max_size=10), st.booleans())
def test_one_call_a_key_and_an_end_for_everybody(
    virtual_run: Callable[..., Any],
    calls: list[tuple[str, int, int, tuple[int, int] | None]],
    failing: bool,
) -> None:
    """A call for a key comes at a tenth of a second, takes some where it flies, and may be cancelled at any."""

    async def scenario() -> None:
        events: list[Event] = []
        flights = SingleFlight("link", listener=events.append)
        loop = asyncio.get_running_loop()
        in_flight = dict.fromkeys("ab", 0)
        flown = 0

        def cancel(task: asyncio.Task[float], turns: int) -> None:
            if turns:
                loop.call_soon(cancel, task, turns - 1)
            else:
                task.cancel()

        async def caller(key: str, comes: int, takes: int) -> float:
            async def operation() -> float:
                nonlocal flown
                flown += 1
                in_flight[key] += 1
                assert in_flight[key] == 1
                try:
                    await asyncio.sleep(takes / 10)
                finally:
                    in_flight[key] -= 1
                if failing:
                    raise ConnectionError
                return loop.time()

            await asyncio.sleep(comes / 10)
            answered_at = await flights.call(key, operation)
            assert answered_at == loop.time(), "an answer waits for nobody, and nobody gets an old one"
            return answered_at

        tasks = []
        for key, comes, takes, cancelled in calls:
            task = asyncio.create_task(caller(key, comes, takes))
            if cancelled is not None:
                tenths, turns = cancelled
                loop.call_later(tenths / 10, cancel, task, turns)
            tasks.append(task)
        ends = await asyncio.gather(*tasks, return_exceptions=True)

        for task, end in zip(tasks, ends, strict=True):
            kind = asyncio.CancelledError if task.cancelling() else ConnectionError if failing else float
            assert isinstance(end, kind)
        assert flown + events.count(CallShared("link")) <= len(calls)
        assert in_flight == {"a": 0, "b": 0}
        await asyncio.sleep(0)
        assert flights.in_flight == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtual_run(scenario())
