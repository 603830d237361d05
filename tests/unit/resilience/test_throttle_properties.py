"""What holds for the throttle whatever is asked, accepted and given up."""

import random
from collections import deque
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from resilience.throttle import BUCKETS, AdaptiveThrottle, ThrottleSettings

WINDOW_S = 5.0  # half a second a bucket


class AnyCalls(RuleBasedStateMachine):
    """The model keeps every request and every accept with its tick."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.requests: list[int] = []
        self.accepts: list[int] = []
        self.pending: deque[int] = deque()

    @initialize(ratio=st.sampled_from([1.0, 1.5, 2.0]), seed=st.integers(0, 9))
    def build(self, ratio: float, seed: int) -> None:
        self.ratio = ratio
        self.rng = random.Random(seed)  # noqa: S311 -- a seed makes the test repeatable
        self.throttle = AdaptiveThrottle(ThrottleSettings(ratio, WINDOW_S), now=0.0)

    @property
    def tick(self) -> int:
        return int(self.now * 2)

    def in_window(self, ticks: Any) -> list[int]:
        return [tick for tick in ticks if tick > self.tick - BUCKETS]

    @rule(halves=st.integers(0, 12))
    def time_passes(self, halves: int) -> None:
        self.now += halves / 2

    @rule(stays=st.booleans())
    def a_call_begins(self, stays: bool) -> None:
        admitted = self.throttle.admit(self.now, self.rng)
        self.requests.append(self.tick)
        if admitted and stays:
            assert self.throttle.sent() == self.tick
            self.pending.append(self.tick)

    @precondition(lambda self: self.pending)
    @rule(outcome=st.sampled_from(["accepted", "refused", "abandoned"]))
    def a_call_ends(self, outcome: str) -> None:
        sent = self.pending.popleft()
        self.throttle.settle(sent, counts=outcome != "abandoned")
        if outcome == "accepted":
            self.throttle.accepted(self.now)
            self.accepts.append(self.tick)
        if outcome == "abandoned":
            self.requests.remove(sent)

    @invariant()
    def the_share_is_the_models(self) -> None:
        if not hasattr(self, "throttle"):
            return
        requests, accepts = len(self.in_window(self.requests)), len(self.in_window(self.accepts))
        pending = len(self.in_window(self.pending))
        probability = self.throttle.probability(self.now)
        assert (self.throttle.requests, self.throttle.accepts, self.throttle.pending) == (requests, accepts, pending)
        assert probability == max(0.0, (requests - pending - self.ratio * accepts) / (requests + 1))
        assert 0.0 <= probability < 1.0


AnyCalls.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestAnyCalls = AnyCalls.TestCase
