"""Whatever the settings, the errors and the times: how many attempts there are and when they start."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilience import Clock, Retry, RetrySettings, ignore, system_rng
from resilience.deadline import deadline_at
from resilience.retry_waits import JITTERS


class BusyError(ConnectionError):
    def __init__(self, retry_after_s: float | None) -> None:
        self.retry_after_s = retry_after_s


@st.composite
def retry_settings(draw: st.DrawFn) -> RetrySettings:
    base_wait_s = draw(st.floats(0.001, 1.0))
    return RetrySettings(
        max_attempts=draw(st.integers(2, 6)),
        base_wait_s=base_wait_s,
        max_wait_s=draw(st.floats(base_wait_s, 2.0)),
        jitter=draw(st.sampled_from(JITTERS)),
        start_within_s=draw(st.none() | st.floats(0.01, 3.0)),
        margin_s=draw(st.floats(0.0, 0.5)),
    )


@dataclass(frozen=True)
class World:
    """What a call meets: how each attempt ends, what time there is, how late the loop wakes up."""

    failing: list[tuple[float | None, float]]  # the pause that the error asks for, the seconds that it takes
    deadline_s: float | None
    oversleep_s: float
    seed: int


WORLDS = st.builds(
    World,
    st.lists(st.tuples(st.none() | st.floats(-1.0, 3.0), st.floats(0.0, 1.0)), min_size=6, max_size=6),
    st.none() | st.floats(0.01, 5.0),
    st.floats(0.0, 0.3),
    st.integers(0, 2**32),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(policy=retry_settings(), world=WORLDS)
def test_no_attempt_comes_too_often_too_early_or_too_late(
    clock: Clock, virtual_run: Any, policy: RetrySettings, world: World
) -> None:
    starts: list[float] = []
    ends: list[float] = []

    async def fails() -> None:
        asked_s, takes_s = world.failing[len(starts)]
        starts.append(clock.now())
        await clock.sleep(takes_s)
        ends.append(clock.now())
        raise BusyError(asked_s)

    class Late:
        now = staticmethod(clock.now)
        sleep = staticmethod(lambda delay_s: asyncio.sleep(delay_s + world.oversleep_s))

    async def call() -> None:
        deadline_at.set(world.deadline_s)
        chance = system_rng(world.seed)
        retry = Retry("link", policy, on=lambda _: True, allowance=None, clock=Late(), rng=chance, listener=ignore)
        with pytest.raises(BusyError):
            await retry.call(fails, idempotent=True)

    virtual_run(call())

    assert 1 <= len(starts) <= policy.max_attempts
    for ended, started, (asked_s, _) in zip(ends, starts[1:], world.failing, strict=False):
        waited_s = started - ended - world.oversleep_s
        assert max(asked_s or 0.0, 0.0) - 1e-9 <= waited_s <= policy.max_wait_s + 1e-9
        assert policy.start_within_s is None or started <= policy.start_within_s + 1e-9
        assert world.deadline_s is None or world.deadline_s - started >= policy.margin_s - 1e-9
