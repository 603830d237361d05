"""What holds for the breaker whatever the calls, the times and the ways they end."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from resilience import BreakerMachine, BreakerSettings, BreakerState, Outcome


class AnyCalls(RuleBasedStateMachine):
    """Calls begin, wait, and end in any order; the model keeps only what is needed to judge the machine."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.in_flight: list[int] = []
        self.counted: list[float] = []
        self.state = BreakerState.CLOSED

    @initialize(min_calls=st.integers(1, 4), failure_rate=st.floats(0.01, 1.0), probes=st.integers(1, 3))
    def build(self, min_calls: int, failure_rate: float, probes: int) -> None:
        self.settings = BreakerSettings(10.0, min_calls, failure_rate, 2.0, probes)
        self.machine = BreakerMachine(self.settings, now=self.now)

    @rule(seconds=st.sampled_from([0.0, 0.3, 1.0, 2.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_call_begins(self) -> None:
        before = self.machine.state.name
        generation = self.machine.admit(self.now)
        if before is BreakerState.CLOSED:
            assert generation is not None
        if generation is not None:
            assert self.machine.state.name is not BreakerState.OPEN
            self.in_flight.append(generation)

    @rule()
    def the_dependency_breaks(self) -> None:
        """A short way to the interesting states: calls that fail at once, as many as open it from empty."""
        for _ in range(self.settings.min_calls):
            generation = self.machine.admit(self.now)
            if generation is not None:
                self.in_flight.append(generation)
                self.end(len(self.in_flight) - 1, Outcome.FAILURE)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome))
    def a_call_ends(self, data: Any, outcome: Outcome) -> None:
        self.end(data.draw(st.integers(0, len(self.in_flight) - 1)), outcome)

    def end(self, which: int, outcome: Outcome) -> None:
        generation = self.in_flight.pop(which)
        before, before_generation = self.machine.state, self.machine.generation
        if generation == before_generation and outcome in {Outcome.SUCCESS, Outcome.FAILURE}:
            self.counted.append(self.now)

        self.machine.record(outcome, self.now, generation)

        after = self.machine.state
        if generation != before_generation:
            assert after is before, "an outcome of an earlier generation moved the breaker"
        if outcome in {Outcome.ABANDONED, Outcome.REJECTED}:
            assert after is before, "a call that says nothing moved the breaker"
        if before.name is BreakerState.CLOSED and after.name is BreakerState.OPEN:
            recent = [at for at in self.counted if at > self.now - self.settings.window_s]
            assert len(recent) >= self.settings.min_calls, "it opened on fewer calls than the minimum"
        if after.name is not before.name:
            self.counted.clear()

    @invariant()
    def no_more_probes_than_allowed(self) -> None:
        if self.machine.state.name is BreakerState.HALF_OPEN:
            assert self.in_flight.count(self.machine.generation) <= self.settings.probes

    def teardown(self) -> None:
        """However it stands, when every call has been cancelled and the open time is over, a call passes."""
        if not hasattr(self, "machine"):
            return
        for generation in self.in_flight:
            self.machine.record(Outcome.ABANDONED, self.now, generation)
        assert self.machine.admit(self.now + self.settings.open_s) is not None


AnyCalls.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestAnyCalls = AnyCalls.TestCase
