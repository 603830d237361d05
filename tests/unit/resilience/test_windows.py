"""What a breaker looks back on: each window says "too much" where its settings say so, and not a call before."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resilience.errors import SettingsError
from resilience.windows import (
    BUCKETS,
    ConsecutiveFailures,
    Counter,
    CountWindow,
    LastCalls,
    LastSeconds,
    TimeWindow,
    Window,
    counter_of,
)

GOOD, BAD, SLOW, BAD_AND_SLOW = (False, False), (True, False), (False, True), (True, True)
Call = tuple[bool, bool]


def count(counter: Counter, *calls: Call, now: float = 0.0) -> list[bool]:
    """Count the calls; return what the counter said after each."""
    said = []
    for failed, slow in calls:
        counter.add(now, failed=failed, slow=slow)
        said.append(counter.tripped())
    return said


class TestConsecutiveFailures:
    def test_it_trips_at_its_number(self) -> None:
        assert count(counter_of(ConsecutiveFailures(3), now=0.0), BAD, BAD, BAD) == [False, False, True]

    def test_one_can_be_enough(self) -> None:
        assert count(counter_of(ConsecutiveFailures(1), now=0.0), GOOD, BAD) == [False, True]

    def test_a_success_begins_anew(self) -> None:
        counter = counter_of(ConsecutiveFailures(2), now=0.0)

        assert count(counter, BAD, GOOD, BAD, SLOW, BAD, BAD) == [False, False, False, False, False, True]

    def test_time_changes_nothing(self) -> None:
        counter = counter_of(ConsecutiveFailures(2), now=0.0)
        count(counter, BAD)

        assert count(counter, BAD, now=1e6) == [True]

    def test_it_knows_no_slow_calls(self) -> None:
        assert ConsecutiveFailures(1).slow_s is None
        assert count(counter_of(ConsecutiveFailures(1), now=0.0), SLOW) == [False]


class TestCountWindow:
    def test_it_says_nothing_below_the_minimum(self) -> None:
        counter = counter_of(CountWindow(10, min_calls=4, failure_rate=0.5), now=0.0)

        assert count(counter, BAD, BAD, BAD, BAD) == [False, False, False, True]

    def test_it_trips_at_the_rate_and_not_below(self) -> None:
        counter = counter_of(CountWindow(10, min_calls=1, failure_rate=0.5), now=0.0)

        assert count(counter, GOOD, GOOD, BAD, BAD) == [False, False, False, True]

    def test_the_oldest_call_leaves(self) -> None:
        counter = counter_of(CountWindow(3, min_calls=3, failure_rate=0.5), now=0.0)

        assert count(counter, BAD, GOOD, GOOD, BAD, BAD) == [False, False, False, False, True]

    def test_slow_calls_have_a_rate_of_their_own(self) -> None:
        counter = counter_of(CountWindow(4, 2, failure_rate=1.0, slow_s=1.0, slow_rate=0.5), now=0.0)

        assert count(counter, GOOD, GOOD, SLOW, SLOW) == [False, False, False, True]

    def test_a_slow_call_and_a_failure_do_not_add_up(self) -> None:
        counter = counter_of(CountWindow(4, 4, failure_rate=0.5, slow_s=1.0, slow_rate=0.5), now=0.0)

        assert count(counter, GOOD, GOOD, SLOW, BAD, GOOD) == [False] * 5

    def test_a_slow_failure_counts_as_both(self) -> None:
        counter = LastCalls(CountWindow(4, 4, failure_rate=0.5, slow_s=1.0, slow_rate=0.5))
        count(counter, BAD_AND_SLOW, GOOD)

        assert (counter.calls, counter.failures, counter.slow) == (2, 1, 1)

    def test_without_a_slow_rate_no_slow_call_trips_it(self) -> None:
        counter = counter_of(CountWindow(4, min_calls=1, failure_rate=1.0), now=0.0)

        assert count(counter, SLOW, SLOW, SLOW, SLOW) == [False] * 4

    @pytest.mark.parametrize(("percent", "calls"), [(7, 100), (14, 50), (55, 100)])
    def test_a_rate_that_a_float_cannot_hold_is_met_exactly(self, percent: int, calls: int) -> None:
        """0.07 * 100 is 7.000000000000001: compared so, 7 failures of 100 would not be 7 %."""
        failures = percent * calls // 100
        window = CountWindow(calls, min_calls=calls, failure_rate=percent / 100)

        assert percent / 100 * calls > failures
        assert count(counter_of(window, now=0.0), *[GOOD] * (calls - failures), *[BAD] * failures)[-1]

    def test_a_window_of_one_call_is_that_call(self) -> None:
        counter = counter_of(CountWindow(1, min_calls=1, failure_rate=1.0), now=0.0)

        assert count(counter, BAD, GOOD, BAD) == [True, False, True]

    def test_its_memory_does_not_grow(self) -> None:
        counter = LastCalls(CountWindow(5, min_calls=5, failure_rate=1.0))
        count(counter, *[BAD, GOOD] * 1000)

        assert (counter.calls, counter.failures, len(counter._ring)) == (5, 2, 5)


class TestTimeWindow:
    WINDOW = TimeWindow(10.0, min_calls=4, failure_rate=0.5, slow_s=1.0, slow_rate=0.75)

    def test_it_says_nothing_below_the_minimum(self) -> None:
        assert count(counter_of(self.WINDOW, now=0.0), BAD, BAD, BAD, BAD) == [False, False, False, True]

    def test_it_trips_at_either_rate(self) -> None:
        assert count(counter_of(self.WINDOW, now=0.0), GOOD, GOOD, BAD, BAD)[-1]
        assert not count(counter_of(self.WINDOW, now=0.0), GOOD, GOOD, SLOW, SLOW)[-1]
        assert count(counter_of(self.WINDOW, now=0.0), GOOD, SLOW, SLOW, SLOW)[-1]

    def test_without_a_slow_rate_no_slow_call_trips_it(self) -> None:
        counter = counter_of(TimeWindow(10.0, min_calls=1, failure_rate=1.0), now=0.0)

        assert count(counter, SLOW, SLOW) == [False, False]

    def test_it_forgets_after_the_window(self) -> None:
        counter = LastSeconds(self.WINDOW, now=0.0)
        count(counter, BAD_AND_SLOW, now=0.5)

        count(counter, GOOD, now=9.9)
        assert (counter.calls, counter.failures, counter.slow) == (2, 1, 1)
        count(counter, GOOD, now=10.0)
        assert (counter.calls, counter.failures, counter.slow) == (2, 0, 0)

    def test_a_long_silence_empties_it(self) -> None:
        counter = LastSeconds(self.WINDOW, now=0.0)
        for second in range(10):
            count(counter, BAD_AND_SLOW, now=second + 0.5)

        count(counter, GOOD, now=1e9)

        assert (counter.calls, counter.failures, counter.slow) == (1, 0, 0)

    @pytest.mark.parametrize("window_s", [0.3, 2.0, 60.0])
    def test_what_is_nine_tenths_old_counts_and_what_is_a_window_old_does_not(self, window_s: float) -> None:
        for hundredth in range(100):
            begin = 1000.0 + window_s * hundredth / 100
            counter = LastSeconds(TimeWindow(window_s, 1, 1.0), now=begin)
            count(counter, BAD, now=begin)

            count(counter, GOOD, now=begin + 0.899 * window_s)
            assert counter.failures == 1
            count(counter, GOOD, now=begin + 1.001 * window_s)
            assert counter.failures == 0


ANY_CALLS = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60)


@given(st.integers(1, 5), ANY_CALLS)
def test_consecutive_failures_agree_with_a_list(failures: int, calls: list[Call]) -> None:
    counter = counter_of(ConsecutiveFailures(failures), now=0.0)
    seen: list[bool] = []
    for failed, slow in calls:
        counter.add(0.0, failed=failed, slow=slow)
        seen.append(failed)

        assert counter.tripped() is (len(seen) >= failures and all(seen[-failures:]))


RATES = st.sampled_from([0.1, 0.25, 1 / 3, 0.5, 0.7, 1.0])


def too_much(window: CountWindow | TimeWindow, kept: list[Call]) -> bool:
    """Say the same as a counter, from the list of the calls in the window."""
    if len(kept) < window.min_calls:
        return False
    if sum(failed for failed, _ in kept) / len(kept) >= window.failure_rate:
        return True
    return window.slow_rate is not None and sum(slow for _, slow in kept) / len(kept) >= window.slow_rate


@given(st.integers(1, 12), st.data(), RATES, st.none() | RATES, ANY_CALLS)
def test_the_last_calls_agree_with_a_list(
    size: int, data: Any, failure_rate: float, slow_rate: float | None, calls: list[Call]
) -> None:
    slow_s = None if slow_rate is None else 1.0
    window = CountWindow(size, data.draw(st.integers(1, size)), failure_rate, slow_s, slow_rate)
    counter = LastCalls(window)
    seen: list[Call] = []
    for failed, slow in calls:
        counter.add(0.0, failed=failed, slow=slow)
        seen.append((failed, slow))

        kept = seen[-size:]
        assert (counter.calls, counter.failures, counter.slow) == (len(kept), *map(sum, zip(*kept, strict=True)))
        assert counter.tripped() is too_much(window, kept)


@settings(deadline=None)
@given(
    st.floats(0, 1e5),
    st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.booleans()), min_size=1, max_size=60),
    st.integers(1, 5),
    RATES,
    st.none() | RATES,
)
@example(0.0, [(0, True, True), (0, True, True), (39, False, False), (1, False, False)], 1, 1.0, None)
def test_the_last_seconds_agree_with_a_list(
    begin: float, steps: list[tuple[int, bool, bool]], min_calls: int, failure_rate: float, slow_rate: float | None
) -> None:
    """A call counts from the tenth of the window it fell into until ten tenths later."""
    window = TimeWindow(10.0, min_calls, failure_rate, None if slow_rate is None else 1.0, slow_rate)
    counter = LastSeconds(window, now=begin)
    now = begin
    seen: list[tuple[int, Call]] = []
    for quarters, failed, slow in steps:
        now += quarters / 4
        counter.add(now, failed=failed, slow=slow)
        seen.append((int(now), (failed, slow)))

        kept = [call for tick, call in seen if tick > int(now) - BUCKETS]
        assert (counter.calls, counter.failures, counter.slow) == (len(kept), *map(sum, zip(*kept, strict=True)))
        assert counter.tripped() is too_much(window, kept)


def consecutive(**changes: Any) -> Window:
    return ConsecutiveFailures(**{"failures": 5, **changes})


def counted(**changes: Any) -> Window:
    return CountWindow(**{"calls": 20, "min_calls": 10, "failure_rate": 0.5, **changes})


def timed(**changes: Any) -> Window:
    return TimeWindow(**{"window_s": 2.0, "min_calls": 10, "failure_rate": 0.5, **changes})


SLOW_CALLS = {"slow_s": 1.0, "slow_rate": 0.5}


@pytest.mark.parametrize(
    ("build", "fields", "message"),
    [
        (consecutive, {"failures": 0}, "ConsecutiveFailures.failures must be at least 1, got 0"),
        (consecutive, {"failures": 2.5}, "ConsecutiveFailures.failures must be a whole number, got 2.5"),
        (counted, {"calls": 0}, "CountWindow.calls must be at least 1, got 0"),
        (counted, {"calls": 9.5}, "CountWindow.calls must be a whole number, got 9.5"),
        (counted, {"calls": 9}, "CountWindow.min_calls must be at most calls (9), got 10"),
        (counted, {"min_calls": 0}, "CountWindow.min_calls must be at least 1, got 0"),
        (counted, {"min_calls": 2.5}, "CountWindow.min_calls must be a whole number, got 2.5"),
        (counted, {"failure_rate": 0}, "CountWindow.failure_rate must be more than 0, got 0"),
        (counted, {"failure_rate": 50}, "CountWindow.failure_rate must be at most 1, got 50"),
        (counted, {"slow_s": 1.0}, "CountWindow.slow_s and slow_rate come together or not at all"),
        (counted, {"slow_rate": 0.5}, "CountWindow.slow_s and slow_rate come together or not at all"),
        (timed, {"window_s": 0}, "TimeWindow.window_s must be more than 0, got 0"),
        (timed, {"window_s": math.inf}, "TimeWindow.window_s must be a finite number, got inf"),
        (timed, {"min_calls": 0}, "TimeWindow.min_calls must be at least 1, got 0"),
        (timed, {"failure_rate": 1.1}, "TimeWindow.failure_rate must be at most 1, got 1.1"),
        (timed, {"slow_s": 1.0}, "TimeWindow.slow_s and slow_rate come together or not at all"),
        (timed, {**SLOW_CALLS, "slow_s": 0}, "TimeWindow.slow_s must be more than 0, got 0"),
        (timed, {**SLOW_CALLS, "slow_rate": 0}, "TimeWindow.slow_rate must be more than 0, got 0"),
        (timed, {**SLOW_CALLS, "slow_rate": 1.5}, "TimeWindow.slow_rate must be at most 1, got 1.5"),
    ],
)
def test_nonsense_is_refused(build: Callable[..., Window], fields: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        build(**fields)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("build", "fields"),
    [
        (consecutive, {"failures": 1}),
        (counted, {"calls": 1, "min_calls": 1, "failure_rate": 1}),
        (counted, {"calls": 10, "min_calls": 10}),
        (counted, {"slow_s": 0.001, "slow_rate": 1}),
        (timed, {"window_s": 0.001, "min_calls": 1, "failure_rate": 0.001, "slow_s": 0.001, "slow_rate": 0.001}),
    ],
)
def test_a_value_on_its_bound_is_taken(build: Callable[..., Window], fields: dict[str, object]) -> None:
    window = build(**fields)

    assert {name: getattr(window, name) for name in fields} == fields
