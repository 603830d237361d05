"""What holds for the adaptive limit whatever it is taught."""

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilience.concurrency_limit import ConcurrencyLimit, GradientLimit, GradientSettings, next_limit
from resilience.errors import LimitReached
from resilience.events import ignore

SETTINGS = GradientSettings(initial=10, min_limit=3, max_limit=40, window_s=1.0, min_samples=2)
DURATIONS_S = st.floats(0.0, 60.0)


@given(st.lists(st.tuples(st.floats(0.0, 2.0), st.none() | DURATIONS_S, st.integers(1, 50))))
def test_the_limit_stays_within_its_bounds(lessons: list[tuple[float, float | None, int]]) -> None:
    """A lesson comes after some time: a duration, or None for a failure."""
    gradient = GradientLimit(SETTINGS, now=0.0)
    now = 0.0
    for passed_s, duration_s, in_flight in lessons:
        now += passed_s
        if duration_s is None:
            gradient.dropped(now)
        else:
            gradient.sample(duration_s, in_flight, now)
        assert SETTINGS.min_limit <= gradient.limit <= gradient.exact <= SETTINGS.max_limit


@given(st.floats(3, 40), st.floats(1e-6, 60), st.floats(1e-6, 60), st.floats(1e-6, 60), st.integers(1, 50))
def test_slower_never_makes_the_limit_higher(
    limit: float, long_s: float, one_s: float, other_s: float, in_flight: int
) -> None:
    fast_s, slow_s = sorted((one_s, other_s))

    def after(short_s: float) -> float:
        return next_limit(SETTINGS, limit=limit, short_s=short_s, long_s=long_s, in_flight=in_flight)

    assert after(slow_s) <= after(fast_s)


TENTHS = st.integers(0, 12)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TENTHS, TENTHS, st.booleans(), st.none() | TENTHS), max_size=15))
def test_however_calls_come_and_go_the_limit_is_kept_and_slots_come_back(
    virtual_run: Callable[..., Any], clock: Any, calls: list[tuple[int, int, bool, int | None]]
) -> None:
    """A call comes at a tenth of a second, takes some, fails or not, and may be cancelled at any."""

    async def scenario() -> None:
        limit = ConcurrencyLimit(
            "link",
            GradientSettings(initial=2, min_limit=1, max_limit=3, window_s=0.1, min_samples=1),
            failures=lambda error: isinstance(error, ConnectionError),
            clock=clock,
            listener=ignore,
        )
        in_flight = 0

        async def operation(takes: int, fails: bool) -> None:
            nonlocal in_flight
            in_flight += 1
            assert limit.in_flight == in_flight
            try:
                await asyncio.sleep(takes / 10)
                if fails:
                    raise ConnectionError
            finally:
                in_flight -= 1

        async def caller(comes: int, takes: int, fails: bool) -> None:
            await asyncio.sleep(comes / 10)
            allowed = limit.in_flight < limit.limit
            try:
                await limit.call(lambda: operation(takes, fails))
            except LimitReached:
                assert not allowed
            except ConnectionError:
                assert fails
            else:
                assert allowed

        tasks = []
        for comes, takes, fails, cancelled in calls:
            task = asyncio.create_task(caller(comes, takes, fails))
            if cancelled is not None:
                asyncio.get_running_loop().call_later(cancelled / 10, task.cancel)
            tasks.append(task)
        ends = await asyncio.gather(*tasks, return_exceptions=True)

        assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ends)
        assert (limit.in_flight, in_flight) == (0, 0)

    virtual_run(scenario())
