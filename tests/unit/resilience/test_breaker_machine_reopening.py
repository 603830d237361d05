"""Openings that grow, answers that are slow, an operator's hand: what the breaker does beside opening and closing."""

from typing import Final

import pytest

from resilience.breaker_machine import BreakerMachine, BreakerSettings
from resilience.outcome import Outcome
from resilience.states import BreakerState
from resilience.windows import ConsecutiveFailures, CountWindow, TimeWindow

OK, FAILED = Outcome.SUCCESS, Outcome.FAILURE
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
FORCED_OPEN: Final = BreakerState.FORCED_OPEN
FORCED_CLOSED: Final = BreakerState.FORCED_CLOSED
GROWING = BreakerSettings(ConsecutiveFailures(1), open_s=1.0, open_factor=2.0, open_max_s=5.0, probes=1)


def call(machine: BreakerMachine, outcome: Outcome, now: float, *, duration_s: float = 0.0) -> BreakerState:
    """Make a call that ends at `now`; return the state after it."""
    generation = machine.admit(now)
    assert generation is not None
    machine.record(outcome, now, generation, duration_s)
    return machine.state.name


def opening_s(machine: BreakerMachine, now: float) -> float:
    """Return for how long it is open, having opened at `now`; it says so itself, and keeps to it."""
    assert machine.state.name is OPEN
    lasts_s = machine.state.retry_after_s(now)
    assert machine.admit(now + lasts_s - 0.001) is None
    assert machine.state.retry_after_s(now + lasts_s / 2) == pytest.approx(lasts_s / 2)
    return lasts_s


class TestGrowingOpenTime:
    def test_each_opening_in_a_row_lasts_longer_up_to_the_longest(self) -> None:
        machine = BreakerMachine(GROWING, now=0.0)
        now = 0.0
        lasted = []
        for _ in range(5):
            call(machine, FAILED, now)
            lasted.append(opening_s(machine, now))
            now += lasted[-1]

        assert lasted == [1.0, 2.0, 4.0, 5.0, 5.0]

    @pytest.mark.parametrize(("factor", "longest_s"), [(1.5, 30.0), (1.1, 7.0), (3.0, 1000.0)])
    def test_the_nth_opening_lasts_as_its_formula_says(self, factor: float, longest_s: float) -> None:
        settings = BreakerSettings(ConsecutiveFailures(1), 0.7, 1, open_factor=factor, open_max_s=longest_s)
        machine = BreakerMachine(settings, now=0.0)
        now = 0.0
        for n in range(1, 20):
            call(machine, FAILED, now)
            lasts_s = machine.state.retry_after_s(now)
            assert lasts_s == pytest.approx(min(longest_s, 0.7 * factor ** (n - 1)))
            now += lasts_s + 0.001

    def test_a_close_begins_anew(self) -> None:
        machine = BreakerMachine(GROWING, now=0.0)
        call(machine, FAILED, 0.0)
        call(machine, FAILED, 1.0)
        assert call(machine, OK, 3.0) is CLOSED

        call(machine, FAILED, 3.0)

        assert opening_s(machine, 3.0) == 1.0

    def test_a_cancelled_probe_is_no_opening(self) -> None:
        machine = BreakerMachine(GROWING, now=0.0)
        call(machine, FAILED, 0.0)
        assert call(machine, Outcome.ABANDONED, 1.0) is HALF_OPEN
        call(machine, FAILED, 1.5)

        assert opening_s(machine, 1.5) == 2.0

    def test_an_outage_of_months_does_not_overflow(self) -> None:
        """As a power, 2.0 ** 1024 raises OverflowError."""
        machine = BreakerMachine(GROWING, now=0.0)
        for n in range(2000):
            call(machine, FAILED, 10.0 * n)

        assert opening_s(machine, 19990.0) == 5.0

    def test_by_default_every_opening_lasts_the_same(self) -> None:
        machine = BreakerMachine(BreakerSettings(ConsecutiveFailures(1), open_s=2.0, probes=1), now=0.0)
        for now in (0.0, 2.0, 4.0):
            call(machine, FAILED, now)
            assert opening_s(machine, now) == 2.0

    def test_half_open_it_asks_for_the_shortest_opening_only(self) -> None:
        """Who is refused beside a probe is not sent away for the five seconds that would follow if it fails."""
        machine = BreakerMachine(GROWING, now=0.0)
        for now in (0.0, 10.0, 20.0, 30.0):
            call(machine, FAILED, now)
        assert machine.admit(40.0) is not None

        assert machine.admit(40.0) is None
        assert machine.state.retry_after_s(40.0) == 1.0

    def test_an_open_breaker_whose_time_is_over_asks_for_no_wait(self) -> None:
        machine = BreakerMachine(GROWING, now=0.0)
        call(machine, FAILED, 0.0)

        assert machine.state.retry_after_s(7.0) == 0.0


SLOW = BreakerSettings(CountWindow(4, 2, failure_rate=1.0, slow_s=1.0, slow_rate=0.5), open_s=2.0, probes=2)


class TestSlowCalls:
    def test_a_call_is_slow_from_slow_s_on(self) -> None:
        machine = BreakerMachine(SLOW, now=0.0)
        for _ in range(8):
            assert call(machine, OK, 0.0, duration_s=0.999) is CLOSED

        states = [call(machine, OK, 0.0, duration_s=1.0) for _ in range(2)]

        assert states == [CLOSED, OPEN]

    def test_a_slow_failure_is_slow_as_well(self) -> None:
        machine = BreakerMachine(SLOW, now=0.0)
        call(machine, OK, 0.0)

        assert call(machine, FAILED, 0.0, duration_s=3.0) is OPEN

    @pytest.mark.parametrize("outcome", [Outcome.ABANDONED, Outcome.REJECTED])
    def test_a_slow_call_that_says_nothing_is_not_counted(self, outcome: Outcome) -> None:
        machine = BreakerMachine(SLOW, now=0.0)
        for _ in range(10):
            assert call(machine, outcome, 0.0, duration_s=60.0) is CLOSED

    def test_a_slow_probe_failed(self) -> None:
        machine = BreakerMachine(SLOW, now=0.0)
        call(machine, FAILED, 0.0)
        call(machine, FAILED, 0.0)

        assert call(machine, OK, 2.0, duration_s=0.999) is HALF_OPEN
        assert call(machine, OK, 2.0, duration_s=1.0) is OPEN

    @pytest.mark.parametrize("outcome", [Outcome.ABANDONED, Outcome.REJECTED])
    def test_a_slow_probe_that_says_nothing_only_gives_its_place_back(self, outcome: Outcome) -> None:
        machine = BreakerMachine(SLOW, now=0.0)
        call(machine, FAILED, 0.0)
        call(machine, FAILED, 0.0)

        assert call(machine, outcome, 2.0, duration_s=60.0) is HALF_OPEN
        assert call(machine, OK, 2.0) is HALF_OPEN
        assert call(machine, OK, 2.0) is CLOSED

    @pytest.mark.parametrize("window", [ConsecutiveFailures(1), CountWindow(1, 1, 1.0), TimeWindow(1.0, 1, 1.0)])
    def test_without_slow_s_no_call_is_slow(self, window: ConsecutiveFailures | CountWindow | TimeWindow) -> None:
        machine = BreakerMachine(BreakerSettings(window, open_s=2.0, probes=1), now=0.0)

        assert call(machine, OK, 0.0, duration_s=1e9) is CLOSED
        call(machine, FAILED, 0.0)
        assert call(machine, OK, 2.0, duration_s=1e9) is CLOSED


class TestForced:
    @pytest.fixture
    def machine(self) -> BreakerMachine:
        return BreakerMachine(GROWING, now=0.0)

    def test_forced_open_refuses_everything_for_ever(self, machine: BreakerMachine) -> None:
        machine.force(FORCED_OPEN, 0.0)

        assert machine.state.name is FORCED_OPEN
        assert [machine.admit(now) for now in (0.0, 1.0, 1e6)] == [None] * 3
        assert machine.state.retry_after_s(1e6) == 1.0

    def test_forced_closed_lets_everything_pass_and_counts_nothing(self, machine: BreakerMachine) -> None:
        machine.force(FORCED_CLOSED, 0.0)

        assert {call(machine, FAILED, 0.0, duration_s=60.0) for _ in range(100)} == {FORCED_CLOSED}
        assert machine.state.retry_after_s(0.0) == 0.0

    @pytest.mark.parametrize("to", [FORCED_OPEN, FORCED_CLOSED])
    def test_released_it_is_closed_and_knows_nothing(self, to: BreakerState) -> None:
        machine = BreakerMachine(BreakerSettings(ConsecutiveFailures(2), open_s=1.0, probes=1), now=0.0)
        call(machine, FAILED, 0.0)
        machine.force(FORCED_OPEN if to is FORCED_OPEN else FORCED_CLOSED, 0.0)

        machine.force(None, 5.0)

        assert machine.state.name is CLOSED
        assert [call(machine, FAILED, 5.0), call(machine, FAILED, 5.0)] == [CLOSED, OPEN]

    def test_released_its_time_window_begins_now(self) -> None:
        """A window that began long ago would take the first calls for old ones."""
        machine = BreakerMachine(BreakerSettings(TimeWindow(10.0, 2, 1.0), open_s=1.0, probes=1), now=0.0)
        machine.force(FORCED_OPEN, 0.0)
        machine.force(None, 1e6)

        assert [call(machine, FAILED, 1e6), call(machine, FAILED, 1e6 + 5)] == [CLOSED, OPEN]

    def test_released_its_openings_are_short_again(self, machine: BreakerMachine) -> None:
        call(machine, FAILED, 0.0)
        call(machine, FAILED, 1.0)
        machine.force(FORCED_CLOSED, 1.0)
        machine.force(None, 1.0)
        call(machine, FAILED, 2.0)

        assert opening_s(machine, 2.0) == 1.0

    def test_an_open_breaker_can_be_forced_closed(self, machine: BreakerMachine) -> None:
        call(machine, FAILED, 0.0)
        machine.force(FORCED_CLOSED, 0.0)

        assert machine.admit(0.0) is not None

    def test_one_force_replaces_the_other(self, machine: BreakerMachine) -> None:
        machine.force(FORCED_CLOSED, 0.0)
        machine.force(FORCED_OPEN, 0.0)
        assert machine.admit(0.0) is None

        machine.force(FORCED_CLOSED, 0.0)
        assert machine.admit(0.0) is not None

    @pytest.mark.parametrize("outcome", Outcome)
    def test_an_outcome_from_before_is_dropped(self, machine: BreakerMachine, outcome: Outcome) -> None:
        early = machine.admit(0.0)
        assert early is not None
        machine.force(FORCED_CLOSED, 0.0)
        forced = machine.admit(0.0)
        assert forced is not None
        machine.force(None, 0.0)

        machine.record(outcome, 0.0, early, 0.0)
        machine.record(outcome, 0.0, forced, 0.0)

        assert machine.state.name is CLOSED

    def test_forcing_what_is_forced_changes_nothing(self, machine: BreakerMachine) -> None:
        machine.force(FORCED_OPEN, 0.0)
        before = machine.state, machine.generation
        machine.force(FORCED_OPEN, 1.0)

        assert (machine.state, machine.generation) == before

    def test_releasing_what_is_not_forced_changes_nothing(self, machine: BreakerMachine) -> None:
        """Else a script that releases on every deploy would open the gates in the middle of an outage."""
        call(machine, FAILED, 0.0)
        before = machine.state, machine.generation

        machine.force(None, 0.5)

        assert (machine.state, machine.generation) == before
        assert machine.admit(0.9) is None

    def test_each_change_is_a_new_generation(self, machine: BreakerMachine) -> None:
        generations = [machine.generation]
        for to in (FORCED_OPEN, FORCED_CLOSED, None):
            machine.force(to, 0.0)
            generations.append(machine.generation)

        assert generations == [1, 2, 3, 4]
