"""The adaptive concurrency limit: its arithmetic, what a window teaches it, and the gate that keeps it."""

import asyncio
import heapq
import random
from dataclasses import replace
from typing import Any

import pytest

from resilience.clock import Clock
from resilience.concurrency_limit import ConcurrencyLimit, GradientLimit, GradientSettings, next_limit
from resilience.errors import AttemptTimeout, LimitReached, RateLimited, SettingsError
from resilience.events import Event, LimitChanged, Refused

LINK = "gateway_to_orders"
# No smoothing and few samples, so that each figure can be said beforehand.
PLAIN = GradientSettings(
    initial=20, min_limit=2, max_limit=100, window_s=1.0, min_samples=2, queue_size=4.0, tolerance=1.5, smoothing=1.0
)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("min_limit", 0, "must be at least 1"),
        ("initial", 1, "must be at least 2"),
        ("max_limit", 19, "must be at least 20"),
        ("max_limit", 99.5, "must be a whole number"),
        ("window_s", 0, "must be more than 0"),
        ("min_samples", 0, "must be at least 1"),
        ("queue_size", 0, "must be more than 0"),
        ("tolerance", 0.99, "must be at least 1"),
        ("smoothing", 0, "must be more than 0"),
        ("smoothing", 1.1, "must be at most 1"),
        ("long_window", 0, "must be at least 1"),
        ("backoff", 0, "must be more than 0"),
        ("backoff", 1, "must be less than 1, got 1"),
    ],
)
def test_nonsense_is_refused(field: str, value: Any, says: str) -> None:
    with pytest.raises(SettingsError, match=rf"GradientSettings\.{field} {says}"):
        replace(PLAIN, **{field: value})


def test_the_bounds_themselves_are_allowed() -> None:
    GradientSettings(
        1, 1, 1, window_s=0.01, min_samples=1, queue_size=0.1, tolerance=1, smoothing=1, long_window=1, backoff=0.99
    )


def test_the_defaults_are_gradient2s() -> None:
    settings = GradientSettings(20, 20, 200)

    assert (settings.queue_size, settings.tolerance, settings.smoothing, settings.long_window) == (4.0, 1.5, 0.2, 600)
    assert (settings.window_s, settings.min_samples, settings.backoff) == (1.0, 10, 0.9)


@pytest.mark.parametrize(
    ("short_s", "in_flight", "limit"),
    [
        (1.0, 20, 24.0),  # as usual: it grows by the queue
        (1.5, 20, 24.0),  # within the tolerance
        (2.0, 20, 19.0),  # 20 * 1.5 / 2 + 4
        (3.0, 20, 14.0),  # 20 / 2 + 4
        (9.0, 20, 14.0),  # no more than half at once
        (0.1, 20, 24.0),  # faster than usual is as usual
        (9.0, 10, 14.0),  # half of the limit was in flight: it was tried
        (9.0, 9, 20.0),  # less: it was not
        (1.0, 9, 20.0),
    ],
)
def test_the_limit_after_a_window(short_s: float, in_flight: int, limit: float) -> None:
    assert next_limit(PLAIN, limit=20.0, short_s=short_s, long_s=1.0, in_flight=in_flight) == limit


def test_it_is_never_more_than_the_most() -> None:
    assert next_limit(PLAIN, limit=98.0, short_s=1.0, long_s=1.0, in_flight=98) == 100


def test_it_is_never_less_than_the_least() -> None:
    settings = replace(PLAIN, min_limit=10, queue_size=1.0)

    assert next_limit(settings, limit=12.0, short_s=9.0, long_s=1.0, in_flight=12) == 10


def test_smoothing_goes_a_part_of_the_way() -> None:
    settings = replace(PLAIN, smoothing=0.25)

    assert next_limit(settings, limit=20.0, short_s=1.0, long_s=1.0, in_flight=20) == 21.0
    assert next_limit(settings, limit=20.0, short_s=9.0, long_s=1.0, in_flight=20) == 18.5


def teach(gradient: GradientLimit, duration_s: float, at: float, in_flight: int = 20) -> None:
    """Give it a whole window that ends at `at`."""
    gradient.sample(duration_s, in_flight, at - 0.5)
    gradient.sample(duration_s, in_flight, at)


def test_a_window_is_over_with_its_time_and_its_samples() -> None:
    gradient = GradientLimit(PLAIN, now=8.0)
    gradient.sample(1.0, 20, 8.0)
    gradient.sample(1.0, 20, 8.5)
    gradient.sample(1.0, 20, 8.99)
    assert (gradient.limit, gradient._spared) == (20, False)
    gradient.sample(1.0, 20, 9.0)
    assert (gradient.limit, gradient._spared) == (24, False)

    gradient.sample(1.0, 24, 12.0)
    assert gradient.limit == 24, "the time is over, the samples are too few"
    gradient.sample(1.0, 24, 12.0)
    assert gradient.limit == 28
    gradient.sample(1.0, 28, 12.0)
    gradient.sample(1.0, 28, 12.5)
    gradient.sample(1.0, 28, 12.99)
    assert gradient.limit == 28, "the next began when this one ended"
    gradient.sample(1.0, 28, 13.0)
    assert gradient.limit == 32


def test_the_mean_of_a_window_is_what_counts() -> None:
    gradient = GradientLimit(PLAIN, now=0.0)
    teach(gradient, 1.0, 1.0)
    gradient.sample(0.5, 20, 1.5)
    gradient.sample(2.0, 24, 1.6)
    gradient.sample(2.0, 20, 2.0)

    # The mean is 1.5; with it the usual is 1.25, and 1.5 * 1.25 is more.
    assert gradient.exact == 28.0


def test_the_most_in_flight_is_what_counts() -> None:
    gradient = GradientLimit(PLAIN, now=0.0)
    gradient.sample(1.0, 10, 0.5)
    gradient.sample(1.0, 3, 1.0)
    assert gradient.limit == 24

    gradient.sample(1.0, 3, 1.5)
    gradient.sample(1.0, 3, 2.0)
    assert gradient.limit == 24, "the ten belonged to the window before"


def test_the_usual_is_a_plain_mean_at_first_and_a_slow_one_later() -> None:
    gradient = GradientLimit(replace(PLAIN, long_window=9), now=0.0)
    for window in range(10):
        teach(gradient, 1.0 + window, window + 1.0)
    assert gradient._long_s == pytest.approx(5.5)

    teach(gradient, 5.5 + 10.0, 11.0)

    assert gradient._long_s == pytest.approx(7.5), "2 / (9 + 1) of the way"


def test_a_usual_taken_in_bad_times_is_forgotten_quickly() -> None:
    gradient = GradientLimit(PLAIN, now=0.0)
    teach(gradient, 9.0, 1.0)
    teach(gradient, 1.0, 2.0)
    assert gradient._long_s == pytest.approx(5.0 * 0.9), "5 is more than twice 1"

    teach(gradient, 3.0, 3.0)
    assert gradient._long_s == pytest.approx(4.5 - 1.5 / 3), "4 is less than twice 3"


def test_exactly_twice_is_not_more_than_twice() -> None:
    gradient = GradientLimit(PLAIN, now=0.0)
    teach(gradient, 3.0, 1.0)
    teach(gradient, 1.0, 2.0)

    assert gradient._long_s == 2.0


def test_a_clock_too_coarse_for_the_calls_is_no_division_by_nothing() -> None:
    gradient = GradientLimit(PLAIN, now=0.0)
    teach(gradient, 0.0, 1.0)

    assert gradient.exact == 24.0


def test_a_failure_backs_off_once_a_window() -> None:
    """Of the calls in flight all fail together: that is one piece of news."""
    gradient = GradientLimit(PLAIN, now=0.0)
    gradient.dropped(0.5)
    gradient.dropped(0.5)
    gradient.dropped(1.49)
    assert gradient.exact == 18.0

    gradient.dropped(1.5)
    assert gradient.exact == pytest.approx(16.2)


def test_a_failure_late_in_a_window_backs_off_as_well() -> None:
    gradient = GradientLimit(PLAIN, now=0.0)
    teach(gradient, 1.0, 1.0)
    gradient.dropped(5.0)

    assert gradient.exact == pytest.approx(24 * 0.9)


def test_a_window_with_a_failure_does_not_grow_the_limit() -> None:
    gradient = GradientLimit(PLAIN, now=0.0)
    gradient.sample(5.0, 20, 0.4)
    gradient.dropped(0.5)
    teach(gradient, 1.0, 1.5)
    assert gradient.exact == 18.0
    assert gradient._long_s == 1.0, "it is learned from, without what was before the failure"

    teach(gradient, 1.0, 2.5)
    assert gradient.exact == 22.0


def test_no_failure_takes_it_below_the_least() -> None:
    gradient = GradientLimit(replace(PLAIN, initial=2), now=0.0)
    gradient.dropped(0.5)

    assert gradient.limit == 2


class Server:
    """Serves `capacity` calls at once, the rest in turn; its one caller keeps as many in flight as the limit allows."""

    def __init__(self, settings: GradientSettings, capacity: int, rng: random.Random) -> None:
        self.gradient = GradientLimit(settings, now=0.0)
        self.free_at = [0.0] * capacity
        self.ends: list[tuple[float, float]] = []
        self.now = 0.0
        self.rng = rng

    def run(self, until: float, service_s: float) -> int:
        """Return the limit at the end."""
        while self.now < until:
            while len(self.ends) < self.gradient.limit:
                begins = max(self.now, heapq.heappop(self.free_at))
                ends = begins + self.rng.expovariate(1 / service_s)
                heapq.heappush(self.free_at, ends)
                heapq.heappush(self.ends, (ends, self.now))
            in_flight = len(self.ends)
            self.now, began = heapq.heappop(self.ends)
            self.gradient.sample(self.now - began, in_flight, self.now)
        return self.gradient.limit


WITHIN = GradientSettings(initial=10, min_limit=1, max_limit=1000, window_s=0.5)


@pytest.mark.parametrize("capacity", [20, 50])
def test_under_more_demand_than_it_can_serve_the_limit_settles_near_the_capacity(
    capacity: int, rng: random.Random
) -> None:
    """Within 60 s, from 10: no less than the capacity, and no more than 2.2 times it."""
    limit = Server(WITHIN, capacity, rng).run(60.0, 0.1)

    assert capacity <= limit <= 2.2 * capacity


def test_the_price_under_more_demand_than_it_can_serve_for_long_the_usual_drifts(rng: random.Random) -> None:
    """Its own queue becomes what is usual: 5 minutes without a pause, and the limit is over 3 times the capacity."""
    server = Server(WITHIN, 20, rng)
    after_a_minute = server.run(60.0, 0.1)

    assert server.run(300.0, 0.1) > max(1.5 * after_a_minute, 60)


def test_the_price_a_limit_that_begins_too_high_stays_too_high(rng: random.Random) -> None:
    """The first window is taken for the usual, queue and all: begin low."""
    assert Server(replace(WITHIN, initial=400), 20, rng).run(60.0, 0.1) > 400


def test_when_the_server_slows_down_the_limit_falls_and_comes_back(rng: random.Random) -> None:
    server = Server(WITHIN, 50, rng)
    before = server.run(60.0, 0.1)

    slow = server.run(80.0, 0.5)
    assert slow < before / 3
    assert server.run(140.0, 0.1) > 50


@pytest.fixture
def make(events: list[Event], failures: Any, clock: Clock) -> Any:
    def make(**changes: Any) -> ConcurrencyLimit:
        settings = replace(PLAIN, initial=2, **changes)
        limit = ConcurrencyLimit(LINK, settings, failures=failures, clock=clock, listener=events.append)
        assert events == [LimitChanged(LINK, 2)], "a gauge has its value from the start"
        events.clear()
        return limit

    return make


async def test_more_calls_than_the_limit_are_refused_at_once(
    make: Any, dependency: Any, events: list[Event], clock: Clock
) -> None:
    limit, orders = make(), dependency(seconds=1)
    calls = [asyncio.create_task(limit.call(orders)) for _ in range(2)]
    await asyncio.sleep(0)

    with pytest.raises(LimitReached, match=f"{LINK}: 2 calls are in flight, the limit just now") as caught:
        await limit.call(orders)

    assert (caught.value.policy, caught.value.retry_after_s, caught.value.limit) == ("concurrency_limit", None, 2)
    assert events == [Refused(LINK, "concurrency_limit", None)]
    assert (clock.now(), limit.in_flight, orders.calls) == (0, 2, 2)
    assert await asyncio.gather(*calls) == ["answer"] * 2
    assert limit.in_flight == 0


async def test_answers_move_the_limit_and_it_is_told_when_it_changes(
    make: Any, dependency: Any, events: list[Event]
) -> None:
    limit = make(smoothing=0.2)
    for _ in range(4):
        await asyncio.gather(*(limit.call(dependency(seconds=1)) for _ in range(2)))

    # 2.8, 3.6, 4.4; then two in flight are less than half of the limit.
    assert events == [LimitChanged(LINK, 3), LimitChanged(LINK, 4)]
    assert (limit.limit, limit.link) == (4, LINK)


async def test_a_call_takes_as_long_as_the_operation(make: Any, dependency: Any) -> None:
    limit = make()
    await asyncio.sleep(5)
    await asyncio.gather(limit.call(dependency(seconds=1)), limit.call(dependency(seconds=2)))

    assert limit._gradient._long_s == 1.5


@pytest.mark.parametrize("error", [ConnectionError(), AttemptTimeout(LINK, timeout_s=1)])
async def test_a_failure_lowers_the_limit(make: Any, dependency: Any, events: list[Event], error: Exception) -> None:
    limit = make(min_limit=1)
    with pytest.raises(type(error)):
        await limit.call(dependency(error))

    assert events == [LimitChanged(LINK, 1)]
    assert limit.in_flight == 0


@pytest.mark.parametrize("error", [RateLimited(LINK, retry_after_s=1), asyncio.CancelledError()])
async def test_what_never_came_to_an_answer_is_no_sample_and_gives_its_slot_back(
    make: Any, dependency: Any, events: list[Event], error: BaseException
) -> None:
    limit = make(min_limit=1, min_samples=1)
    with pytest.raises(type(error)):
        await limit.call(dependency(error, seconds=1))

    assert (events, limit.in_flight, limit._gradient._long_s) == ([], 0, 0.0)


async def test_an_error_that_is_an_answer_is_a_sample(make: Any, dependency: Any) -> None:
    limit = make(min_samples=1)
    with pytest.raises(KeyError):
        await limit.call(dependency(KeyError(), seconds=1))

    assert limit._gradient._long_s == 1.0


async def test_a_call_cancelled_while_it_waits_gives_its_slot_back(
    make: Any, dependency: Any, cancel_at: Any, events: list[Event]
) -> None:
    limit = make(min_samples=1)

    for _ in range(5):
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(cancel_at(limit.call(dependency(seconds=3)), 1))

    assert (limit.in_flight, events, limit._gradient._samples) == (0, [], 0)
