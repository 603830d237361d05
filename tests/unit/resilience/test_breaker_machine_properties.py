"""What holds for the breaker whatever the calls, the times, the ways they end and an operator's hand."""

from typing import Any, Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from resilience.breaker_machine import BreakerMachine, BreakerSettings
from resilience.outcome import Outcome
from resilience.states import BreakerState
from resilience.windows import BUCKETS, ConsecutiveFailures, CountWindow, TimeWindow, Window

# When it ended, whether it failed, whether it was slow.
Call = tuple[float, bool, bool]
FORCED = {BreakerState.FORCED_OPEN, BreakerState.FORCED_CLOSED}
RATES = st.sampled_from([0.2, 1 / 3, 0.5, 1.0])
SLOW_CALLS = st.just((None, None)) | st.tuples(st.just(1.0), RATES)
COUNTS = st.integers(1, 4)


@st.composite
def windows(draw: Any) -> Window:
    """Draw one of the three kinds. A time window of 10 s: its tenths are whole seconds."""
    if draw(st.booleans()):
        return ConsecutiveFailures(draw(COUNTS))
    min_calls, rate, (slow_s, slow_rate) = draw(COUNTS), draw(RATES), draw(SLOW_CALLS)
    if draw(st.booleans()):
        return CountWindow(min_calls + draw(st.integers(0, 3)), min_calls, rate, slow_s, slow_rate)
    return TimeWindow(10.0, min_calls, rate, slow_s, slow_rate)


def too_much(window: Window, calls: list[Call]) -> bool:
    """Say what the window must say after the last of `calls`, from the whole list."""
    if isinstance(window, ConsecutiveFailures):
        last = calls[-window.failures :]
        return len(last) == window.failures and all(failed for _, failed, _ in last)
    if isinstance(window, CountWindow):
        kept = calls[-window.calls :]
    else:
        kept = [call for call in calls if int(call[0]) > int(calls[-1][0]) - BUCKETS]
    if len(kept) < window.min_calls:
        return False
    failed, slow = sum(failed for _, failed, _ in kept), sum(slow for _, _, slow in kept)
    return failed / len(kept) >= window.failure_rate or (
        window.slow_rate is not None and slow / len(kept) >= window.slow_rate
    )


class AnyCalls(RuleBasedStateMachine):
    """Calls begin, wait, and end in any order; the model keeps only what is needed to judge the machine."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.in_flight: list[tuple[int, float]] = []
        self.counted: list[Call] = []
        self.succeeded = 0
        self.openings = 0
        self.opened_at = 0.0
        self.generation = 1

    @initialize(window=windows(), probes=st.integers(1, 3), factor=st.sampled_from([1.0, 2.0]))
    def build(self, window: Window, probes: int, factor: float) -> None:
        self.settings = BreakerSettings(window, open_s=2.0, probes=probes, open_factor=factor, open_max_s=5.0)
        self.machine = BreakerMachine(self.settings, now=self.now)

    @rule(seconds=st.sampled_from([0.0, 0.25, 1.0, 2.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_call_begins(self) -> None:
        before = self.machine.state.name
        allowed = {
            BreakerState.CLOSED: True,
            BreakerState.FORCED_CLOSED: True,
            BreakerState.FORCED_OPEN: False,
            BreakerState.OPEN: self.now >= self.opened_at + self.open_s(),
            BreakerState.HALF_OPEN: self.probing() < self.settings.probes,
        }[before]

        generation = self.machine.admit(self.now)

        assert (generation is not None) is allowed
        if generation is not None:
            assert generation == self.machine.generation
            self.in_flight.append((generation, self.now))
        elif before is BreakerState.OPEN:
            assert self.machine.state.retry_after_s(self.now) == self.opened_at + self.open_s() - self.now
        else:
            assert self.machine.state.retry_after_s(self.now) == self.settings.open_s
        if before is BreakerState.OPEN and allowed:
            assert self.machine.state.name is BreakerState.HALF_OPEN
            self.succeeded = 0
        else:
            assert self.machine.state.name is before

    def open_s(self) -> float:
        return min(5.0, 2.0 * self.settings.open_factor ** (self.openings - 1))

    def probing(self) -> int:
        """Return the places that probes have taken, for the moment or for good."""
        return self.succeeded + sum(generation == self.machine.generation for generation, _ in self.in_flight)

    @rule()
    def the_dependency_breaks(self) -> None:
        """A short way to the interesting states: failures that end at once."""
        for _ in range(4):
            if self.machine.state.name is BreakerState.CLOSED:
                self.a_call_begins()
                self.end(len(self.in_flight) - 1, Outcome.FAILURE)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome))
    def a_call_ends(self, data: Any, outcome: Outcome) -> None:
        self.end(data.draw(st.integers(0, len(self.in_flight) - 1)), outcome)

    def end(self, which: int, outcome: Outcome) -> None:
        generation, began = self.in_flight.pop(which)
        before, stale = self.machine.state, generation != self.machine.generation
        duration_s = self.now - began
        slow = self.settings.window.slow_s is not None and duration_s >= self.settings.window.slow_s
        failed = outcome is Outcome.FAILURE

        self.machine.record(outcome, self.now, generation, duration_s)

        expected = before.name
        if not stale and outcome in {Outcome.SUCCESS, Outcome.FAILURE}:
            if before.name is BreakerState.CLOSED:
                self.counted.append((self.now, failed, slow))
                expected = BreakerState.OPEN if too_much(self.settings.window, self.counted) else before.name
            elif before.name is BreakerState.HALF_OPEN:
                self.succeeded += not failed and not slow
                done = self.succeeded == self.settings.probes
                expected = BreakerState.OPEN if failed or slow else BreakerState.CLOSED if done else before.name
        assert self.machine.state.name is expected
        assert (self.machine.state is before) is (expected is before.name)
        if expected is not before.name:
            self.counted.clear()
            self.openings = self.openings + 1 if expected is BreakerState.OPEN else 0
            self.opened_at = self.now

    @rule(to=st.sampled_from([BreakerState.FORCED_OPEN, BreakerState.FORCED_CLOSED, None]))
    def an_operator_steps_in(self, to: Literal[BreakerState.FORCED_OPEN, BreakerState.FORCED_CLOSED] | None) -> None:
        before = self.machine.state
        self.machine.force(to, self.now)
        expected = to if to is not None else BreakerState.CLOSED if before.name in FORCED else before.name
        assert self.machine.state.name is expected
        if expected is not before.name:
            self.counted.clear()
            self.openings = 0

    @invariant()
    def a_generation_only_grows(self) -> None:
        if hasattr(self, "machine"):
            assert self.machine.generation >= self.generation
            self.generation = self.machine.generation

    @invariant()
    def no_more_probes_than_allowed(self) -> None:
        if hasattr(self, "machine") and self.machine.state.name is BreakerState.HALF_OPEN:
            assert self.probing() <= self.settings.probes

    def teardown(self) -> None:
        """However it stands, with no call in flight any more: time and successes close it, unless it is forced."""
        if not hasattr(self, "machine") or self.machine.state.name in FORCED:
            return
        for generation, _ in self.in_flight:
            self.machine.record(Outcome.ABANDONED, self.now, generation, 0.0)
        # At most three make up the minimum of a window that failed so far, three are the probes.
        for _ in range(6):
            self.now += 5.0
            admitted = self.machine.admit(self.now)
            assert admitted is not None
            self.machine.record(Outcome.SUCCESS, self.now, admitted, 0.0)
        assert self.machine.state.name is BreakerState.CLOSED


AnyCalls.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestAnyCalls = AnyCalls.TestCase
