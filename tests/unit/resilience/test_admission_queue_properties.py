"""What holds for the admission queue whatever comes: no more run than may, and each request ends exactly once."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from resilience.admission_queue import ORDERS, AdmissionQueue, Dropped, QueueSettings
from resilience.codel import CoDelSettings
from resilience.states import ShedReason

# Eighths add up exactly; few of them, so that many things happen at the same instant and on the bounds.
EIGHTHS = st.integers(0, 8).map(lambda eighths: eighths / 8)
MAX_WAIT_S, MARGIN_S = 2.0, 0.25


class AnyArrivals(RuleBasedStateMachine):
    """The model is who runs, and when those who wait came, at which priority, with which deadline."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.tickets = 0
        self.running: set[int] = set()
        self.waiting: dict[int, tuple[float, int, float | None]] = {}

    @initialize(
        limit=st.integers(1, 3), max_waiting=st.integers(0, 4), order=st.sampled_from(ORDERS), codel=st.booleans()
    )
    def build(self, limit: int, max_waiting: int, order: Any, codel: bool) -> None:
        self.max_waiting = max_waiting
        self.codel = codel
        self.queue: AdmissionQueue[int] = AdmissionQueue(
            QueueSettings(
                max_waiting=max_waiting,
                max_wait_s=MAX_WAIT_S,
                order=order,
                codel=CoDelSettings(0.125, 0.5) if codel else None,
                margin_s=MARGIN_S,
            ),
            limit=limit,
            now=0.0,
        )

    @rule(passed_s=EIGHTHS)
    def time_passes(self, passed_s: float) -> None:
        self.now += passed_s

    @rule(priority=st.integers(-1, 1), left_s=st.none() | EIGHTHS)
    def a_request_comes(self, priority: int, left_s: float | None) -> None:
        ticket, self.tickets = self.tickets, self.tickets + 1
        deadline = None if left_s is None else self.now + left_s
        in_time = left_s is None or left_s >= MARGIN_S
        at_once = in_time and not self.waiting and len(self.running) < self.queue.limit
        assert self.queue.enter(self.now, deadline) is at_once
        if at_once:
            self.running.add(ticket)
            return
        self.waiting[ticket] = (self.now, priority, deadline)
        dropped = self.queue.offer(ticket, self.now, priority, deadline)
        for gone, reason in dropped:
            if reason is ShedReason.DEADLINE:
                assert (gone, in_time) == (ticket, False)
            elif reason is ShedReason.SLOW:
                assert self.now - self.waiting[gone][0] > MAX_WAIT_S
            else:
                lowest = min(place[1] for place in self.waiting.values())
                assert self.waiting[gone][1] == lowest
                assert (reason is ShedReason.EVICTED) is (lowest < priority)
            del self.waiting[gone]
        assert in_time or [gone for gone, _ in dropped] == [ticket]

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def a_request_ends(self, data: Any) -> None:
        self.running.remove(data.draw(st.sampled_from(sorted(self.running))))
        self.queue.leave()
        self.whoever_may_starts()

    @rule(limit=st.integers(1, 3))
    def the_limit_moves(self, limit: int) -> None:
        self.queue.limit = limit
        self.whoever_may_starts()

    def whoever_may_starts(self) -> None:
        while True:
            free = self.queue.limit - len(self.running)
            ticket, dropped = self.queue.next(self.now)
            self.are_over(dropped)
            if ticket is None:
                assert free <= 0 or not self.waiting, "somebody waits beside a free slot"
                return
            assert free > 0
            came_at, priority, deadline = self.waiting.pop(ticket)
            assert self.now - came_at <= MAX_WAIT_S
            assert deadline is None or deadline - self.now >= MARGIN_S
            assert all(priority >= other for _, other, _ in self.waiting.values()), "a higher priority waits on"
            self.running.add(ticket)

    def are_over(self, dropped: list[Dropped[int]]) -> None:
        for gone, reason in dropped:
            came_at, _, deadline = self.waiting.pop(gone)
            if reason is ShedReason.DEADLINE:
                assert deadline is not None
                assert deadline - self.now < MARGIN_S
            else:
                assert reason is ShedReason.SLOW
                assert self.now - came_at > (0.25 if self.codel else MAX_WAIT_S)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def a_client_goes_away(self, data: Any) -> None:
        ticket = data.draw(st.sampled_from(sorted(self.waiting)))
        assert self.queue.withdraw(ticket)
        assert not self.queue.withdraw(ticket)
        del self.waiting[ticket]

    @invariant()
    def the_counts_are_the_models(self) -> None:
        if hasattr(self, "queue"):
            assert self.queue.in_flight == len(self.running)
            assert self.queue.waiting == len(self.waiting) <= self.max_waiting

    @invariant()
    def nobody_waits_beside_a_free_slot(self) -> None:
        if self.waiting:
            assert len(self.running) >= self.queue.limit


AnyArrivals.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestAnyArrivals = AnyArrivals.TestCase
