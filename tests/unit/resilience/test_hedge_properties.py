"""What holds for a hedged call whatever the attempts take and end with, and whenever the caller is cancelled."""

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilience import Event
from resilience.budget import BudgetSettings
from resilience.clock import Clock
from resilience.events import HedgeStarted, HedgeWon
from resilience.hedge import Hedge, HedgeSettings

# Few instants, so that many things happen at the same one; the delay is one tenth.
TENTHS = st.integers(0, 4)
ENDS = st.sampled_from(["answer", "not found", "failure"])
ERRORS = {"not found": LookupError, "failure": ConnectionError}
# What an attempt takes, how it ends, what its clean-up takes.
ATTEMPT = st.tuples(TENTHS, ENDS, st.integers(0, 2))
# The tenth of a second of a cancellation, and after how many turns of the loop it comes.
CANCELLATION = st.tuples(TENTHS, st.integers(0, 5))


class Call:
    """An operation made from a plan, which counts what it sees."""

    def __init__(self, plans: list[tuple[int, str, int]]) -> None:
        self.plans = plans
        self.began = 0
        self.in_flight = 0

    async def __call__(self) -> int:
        self.began += 1
        number = self.began
        takes, end, cleanup = self.plans[number - 1]
        self.in_flight += 1
        try:
            await asyncio.sleep(takes / 10)
        except asyncio.CancelledError:
            await asyncio.sleep(cleanup / 10)
            raise
        finally:
            self.in_flight -= 1
        if end in ERRORS:
            raise ERRORS[end](number)
        return number


def expected(plans: list[tuple[int, str, int]]) -> set[tuple[str, int]]:
    """Return how a call that nobody cancels may end: the end and the attempt it is of."""
    (first_takes, first, _), (second_takes, second, _) = plans
    if first_takes < 1:
        return {(first, 1)}
    if first == "failure" or second == "failure":
        # In the turn of its failure the first may be over before the second has begun.
        ends = {(second, 2)} if first == "failure" and second != "failure" else {(first, 1)}
        return ends | ({(first, 1)} if first_takes == 1 else set())
    ends = set()
    if first_takes <= 1 + second_takes:
        ends.add((first, 1))
    if first_takes >= 1 + second_takes:
        ends.add((second, 2))
    return ends


@settings(deadline=None, max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ATTEMPT, min_size=2, max_size=2), st.lists(CANCELLATION, max_size=2))
def test_whatever_happens_the_caller_gets_its_end_and_nothing_is_left(
    virtual_run: Callable[..., Any],
    clock: Clock,
    plans: list[tuple[int, str, int]],
    cancellations: list[tuple[int, int]],
) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        events: list[Event] = []
        budget = BudgetSettings(retry_ratio=0.0, reserve_per_s=0.0, burst=1.0)
        hedge = Hedge(
            "link",
            HedgeSettings(quantile=0.95, min_delay_s=0.1, max_delay_s=0.1, budget=budget),
            failures=lambda error: isinstance(error, ConnectionError),
            clock=clock,
            listener=events.append,
        )
        operation = Call(plans)
        left_behind: list[int] = []
        requested = 0

        async def caller() -> int:
            try:
                return await hedge.call(operation, idempotent=True)
            finally:
                left_behind.append(operation.in_flight)

        task = asyncio.create_task(caller())

        def cancel(turns: int) -> None:
            nonlocal requested
            if turns:
                loop.call_soon(cancel, turns - 1)
            elif task.cancel():
                requested += 1

        for tenths, turns in cancellations:
            loop.call_later(tenths / 10, cancel, turns)
        [end] = await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(10)

        assert left_behind == [0] or not operation.began
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert task.cancelling() == requested, "a request to cancel was lost, or one is left"
        assert hedge._budget.tokens == (0.0 if operation.began == 2 else 1.0)
        assert events.count(HedgeStarted("link", 0.1)) == (operation.began == 2)
        if requested:
            assert isinstance(end, asyncio.CancelledError)
            return
        names = {int: "answer", LookupError: "not found", ConnectionError: "failure"}
        got = (names[type(end)], end if isinstance(end, int) else end.args[0])
        assert got in expected(plans)
        assert (HedgeWon("link") in events) == (got[1] == 2)

    virtual_run(scenario())
