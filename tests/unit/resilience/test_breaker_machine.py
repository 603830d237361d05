"""The decision of the circuit breaker, state by state, on a time that is passed in."""

import pytest

from resilience.breaker_machine import BreakerMachine, BreakerSettings
from resilience.outcome import Outcome
from resilience.states import BreakerState
from resilience.windows import TimeWindow

SETTINGS = BreakerSettings(TimeWindow(10.0, min_calls=4, failure_rate=0.5), open_s=2.0, probes=2)
OK, FAILED = Outcome.SUCCESS, Outcome.FAILURE
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


@pytest.fixture
def machine() -> BreakerMachine:
    return BreakerMachine(SETTINGS, now=0.0)


def run(machine: BreakerMachine, now: float, *outcomes: Outcome) -> None:
    """Make calls that end at once."""
    for outcome in outcomes:
        generation = machine.admit(now)
        assert generation is not None
        machine.record(outcome, now, generation, 0.0)


def opened(machine: BreakerMachine) -> BreakerMachine:
    """Open it at time 0."""
    run(machine, 0.0, FAILED, FAILED, FAILED, FAILED)
    assert machine.admit(0.0) is None
    return machine


def half_opened(machine: BreakerMachine) -> tuple[BreakerMachine, int]:
    """Let the first probe through at time 2."""
    generation = opened(machine).admit(2.0)
    assert generation is not None
    return machine, generation


class TestClosed:
    def test_it_opens_at_the_failure_rate(self, machine: BreakerMachine) -> None:
        run(machine, 0.0, OK, OK, FAILED)
        before = machine.state.name
        run(machine, 0.0, FAILED)

        assert (before, machine.state.name) == (CLOSED, OPEN)

    def test_below_the_failure_rate_it_stays_closed(self, machine: BreakerMachine) -> None:
        run(machine, 0.0, *[OK, OK, FAILED] * 100)

        assert machine.state.name is CLOSED

    def test_below_the_minimum_of_calls_it_stays_closed(self, machine: BreakerMachine) -> None:
        run(machine, 0.0, FAILED, FAILED, FAILED)

        assert machine.state.name is CLOSED

    def test_a_success_can_make_up_the_minimum(self, machine: BreakerMachine) -> None:
        run(machine, 0.0, FAILED, FAILED, FAILED, OK)

        assert machine.state.name is OPEN

    def test_failures_that_left_the_window_do_not_count(self, machine: BreakerMachine) -> None:
        run(machine, 0.0, FAILED, FAILED, FAILED)
        run(machine, 10.0, FAILED)

        assert machine.state.name is CLOSED

    @pytest.mark.parametrize("outcome", [Outcome.ABANDONED, Outcome.REJECTED])
    def test_a_call_that_says_nothing_is_not_counted(self, machine: BreakerMachine, outcome: Outcome) -> None:
        run(machine, 0.0, FAILED, FAILED, FAILED, outcome, outcome)

        assert machine.state.name is CLOSED

    def test_nothing_is_refused(self, machine: BreakerMachine) -> None:
        assert machine.state.retry_after_s(0.0) == 0.0


class TestOpen:
    def test_nothing_passes_until_its_time_is_over(self, machine: BreakerMachine) -> None:
        opened(machine)

        assert machine.admit(0.0) is None
        assert machine.admit(1.99) is None
        assert machine.admit(2.0) is not None

    def test_it_says_how_long_it_will_be_open(self, machine: BreakerMachine) -> None:
        assert opened(machine).state.retry_after_s(0.5) == 1.5

    def test_the_first_call_after_it_is_a_probe(self, machine: BreakerMachine) -> None:
        half_opened(machine)

        assert machine.state.name is HALF_OPEN

    def test_an_outcome_from_before_it_opened_is_dropped(self, machine: BreakerMachine) -> None:
        early = machine.admit(0.0)
        assert early is not None
        opened(machine)

        machine.record(OK, 1.0, early, 0.0)

        assert machine.state.name is OPEN
        assert machine.admit(1.9) is None

    def test_it_takes_no_outcome_at_all(self, machine: BreakerMachine) -> None:
        state = opened(machine).state

        assert state.record(OK, 1.0, slow=False) is state


class TestHalfOpen:
    def test_as_many_probes_pass_as_are_allowed(self, machine: BreakerMachine) -> None:
        half_opened(machine)

        assert machine.admit(2.0) is not None
        assert [machine.admit(2.0) for _ in range(100)] == [None] * 100

    def test_a_refused_call_may_try_again_after_the_open_time(self, machine: BreakerMachine) -> None:
        half_opened(machine)

        assert machine.state.retry_after_s(2.0) == SETTINGS.open_s

    def test_it_closes_when_every_probe_succeeded(self, machine: BreakerMachine) -> None:
        _, generation = half_opened(machine)
        machine.admit(2.0)

        states = []
        for _ in range(2):
            machine.record(OK, 2.1, generation, 0.0)
            states.append(machine.state.name)

        assert states == [HALF_OPEN, CLOSED]

    def test_a_probe_that_succeeded_leaves_no_place_to_another(self, machine: BreakerMachine) -> None:
        """Two probes in all decide, not two at a time for ever."""
        _, generation = half_opened(machine)
        machine.record(OK, 2.1, generation, 0.0)

        assert [machine.admit(2.1) is not None for _ in range(3)] == [True, False, False]

    def test_it_opens_again_at_the_first_failure(self, machine: BreakerMachine) -> None:
        _, generation = half_opened(machine)

        machine.record(FAILED, 2.5, generation, 0.0)

        assert machine.state.name is OPEN
        assert machine.admit(4.4) is None
        assert machine.admit(4.5) is not None

    @pytest.mark.parametrize("outcome", [Outcome.ABANDONED, Outcome.REJECTED])
    def test_a_probe_that_says_nothing_gives_its_place_back(self, machine: BreakerMachine, outcome: Outcome) -> None:
        _, generation = half_opened(machine)
        machine.admit(2.0)
        assert machine.admit(2.0) is None

        machine.record(outcome, 2.1, generation, 0.0)

        assert machine.state.name is HALF_OPEN
        assert machine.admit(2.1) is not None
        assert machine.admit(2.1) is None

    @pytest.mark.parametrize("outcome", Outcome)
    def test_an_outcome_from_before_it_opened_is_no_probes(self, machine: BreakerMachine, outcome: Outcome) -> None:
        """It neither decides nor gives a place back."""
        early = machine.admit(0.0)
        assert early is not None
        half_opened(machine)
        machine.admit(2.0)

        for _ in range(2):
            machine.record(outcome, 2.1, early, 0.0)

        assert machine.state.name is HALF_OPEN
        assert machine.admit(2.1) is None

    def test_closed_again_it_does_not_count_outcomes_from_before(self, machine: BreakerMachine) -> None:
        early = machine.admit(0.0)
        assert early is not None
        _, generation = half_opened(machine)
        machine.admit(2.0)
        machine.record(OK, 2.0, generation, 0.0)
        machine.record(OK, 2.0, generation, 0.0)

        for _ in range(4):
            machine.record(FAILED, 2.1, early, 0.0)

        assert machine.state.name is CLOSED

    def test_the_other_probe_of_a_failed_round_is_dropped(self, machine: BreakerMachine) -> None:
        _, generation = half_opened(machine)
        machine.admit(2.0)
        machine.record(FAILED, 2.5, generation, 0.0)

        machine.record(OK, 2.6, generation, 0.0)
        machine.record(FAILED, 4.0, generation, 0.0)

        assert machine.admit(4.5) is not None

    def test_closed_again_it_starts_with_an_empty_window(self, machine: BreakerMachine) -> None:
        _, generation = half_opened(machine)
        machine.admit(2.0)
        machine.record(OK, 2.0, generation, 0.0)
        machine.record(OK, 2.0, generation, 0.0)

        run(machine, 2.0, FAILED, FAILED, FAILED)

        assert machine.state.name is CLOSED

    def test_each_change_of_state_is_a_new_generation(self, machine: BreakerMachine) -> None:
        first = machine.admit(0.0)
        _, probing = half_opened(machine)
        machine.record(OK, 2.0, probing, 0.0)
        machine.admit(2.0)
        machine.record(OK, 2.0, probing, 0.0)
        last = machine.admit(2.0)

        assert (first, probing, last) == (1, 3, 4)
