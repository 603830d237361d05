"""What holds for the bulkhead whatever the calls, the times and the cancellations."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from resilience import Bulkhead, BulkheadFull, BulkheadSettings, Clock, ignore
from resilience.bulkhead import Gate


class AnyQueue(RuleBasedStateMachine):
    """Tickets are numbers, given out in the order of arrival; the model is a set of holders and a queue."""

    def __init__(self) -> None:
        super().__init__()
        self.next_ticket = 0
        self.holders: set[int] = set()
        self.queue: deque[int] = deque()

    @initialize(max_concurrent=st.integers(1, 3), max_waiting=st.integers(0, 3))
    def build(self, max_concurrent: int, max_waiting: int) -> None:
        self.settings = BulkheadSettings(max_concurrent, max_waiting, 1.0)
        self.gate: Gate[int] = Gate(self.settings)

    @rule()
    def somebody_comes(self) -> None:
        ticket = self.next_ticket
        self.next_ticket += 1
        if self.gate.enter():
            self.holders.add(ticket)
        elif self.gate.join(ticket):
            self.queue.append(ticket)
        else:
            assert len(self.holders) == self.settings.max_concurrent
            assert len(self.queue) == self.settings.max_waiting

    @precondition(lambda self: self.holders)
    @rule(data=st.data())
    def a_holder_leaves(self, data: Any) -> None:
        self.holders.remove(data.draw(st.sampled_from(sorted(self.holders))))
        handed = self.gate.leave()
        assert handed == (self.queue[0] if self.queue else None), "the longest waiting is next"
        if handed is not None:
            self.holders.add(self.queue.popleft())

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def a_waiter_withdraws(self, data: Any) -> None:
        ticket = data.draw(st.sampled_from(sorted(self.queue)))
        assert self.gate.withdraw(ticket)
        assert not self.gate.withdraw(ticket)
        self.queue.remove(ticket)

    @invariant()
    def the_counts_are_the_models(self) -> None:
        if hasattr(self, "gate"):
            assert self.gate.in_flight == len(self.holders) <= self.settings.max_concurrent
            assert self.gate.waiting == len(self.queue) <= self.settings.max_waiting

    @invariant()
    def nobody_waits_beside_a_free_slot(self) -> None:
        if self.queue:
            assert len(self.holders) == self.settings.max_concurrent


AnyQueue.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestAnyQueue = AnyQueue.TestCase

# Few instants, so that many things happen at the same one.
TENTHS = st.integers(0, 4)


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 2),
    st.integers(0, 3),
    st.lists(st.tuples(TENTHS, TENTHS, st.none() | st.tuples(TENTHS, st.integers(0, 4))), min_size=3, max_size=12),
)
def test_however_callers_come_and_go_slots_are_kept_and_given_back(
    virtual_run: Callable[..., Any],
    clock: Clock,
    max_concurrent: int,
    max_waiting: int,
    calls: list[tuple[int, int, tuple[int, int] | None]],
) -> None:
    """A call comes at a tenth of a second, takes some, and may be cancelled at any, before or after others have run."""

    async def scenario() -> None:
        bulkhead = Bulkhead("link", BulkheadSettings(max_concurrent, max_waiting, 0.3), clock=clock, listener=ignore)
        loop = asyncio.get_running_loop()
        in_flight = most = inside = 0

        def cancel(task: asyncio.Task[None], turns: int) -> None:
            if turns:
                loop.call_soon(cancel, task, turns - 1)
            else:
                task.cancel()

        async def caller(comes: int, takes: int) -> None:
            async def operation() -> None:
                nonlocal in_flight, most
                assert bulkhead.in_flight + bulkhead.waiting <= inside, "somebody who has left still has a place"
                in_flight += 1
                most = max(most, in_flight)
                try:
                    await asyncio.sleep(takes / 10)
                finally:
                    in_flight -= 1

            nonlocal inside
            await asyncio.sleep(comes / 10)
            inside += 1
            try:
                await bulkhead.call(operation)
            finally:
                inside -= 1

        tasks = []
        for comes, takes, cancelled in calls:
            task = asyncio.create_task(caller(comes, takes))
            if cancelled is not None:
                tenths, turns = cancelled
                loop.call_later(tenths / 10, cancel, task, turns)
            tasks.append(task)
        ends = await asyncio.gather(*tasks, return_exceptions=True)

        assert all(isinstance(end, None | BulkheadFull | asyncio.CancelledError) for end in ends)
        assert most <= max_concurrent
        assert (bulkhead.in_flight, bulkhead.waiting, in_flight) == (0, 0, 0)

    virtual_run(scenario())
