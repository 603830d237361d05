"""Adaptive throttling: the share held back, what counts for it, and what a call that goes away takes with it."""

import asyncio
import random
from typing import Any

import pytest

from resilience.clock import Clock
from resilience.errors import AttemptTimeout, RateLimited, SettingsError, Throttled
from resilience.events import Event, Refused, ThrottleChanged
from resilience.throttle import AdaptiveThrottle, Throttle, ThrottleSettings

LINK = "payments_to_bank"
WINDOW_S = 10.0


class Lots(random.Random):
    """Draws what it is given, and counts how often."""

    drawn = 0

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def random(self) -> float:
        self.drawn += 1
        return self.value


@pytest.fixture
def throttle() -> AdaptiveThrottle:
    return AdaptiveThrottle(ThrottleSettings(ratio=2.0, window_s=WINDOW_S), now=0.0)


def ask(throttle: AdaptiveThrottle, requests: int, accepts: int = 0, *, at: float = 0.0) -> None:
    for _ in range(requests):
        throttle.admit(at, Lots(0.0))
    for _ in range(accepts):
        throttle.accepted(at)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [("ratio", 0.99, "ratio must be at least 1, got 0.99"), ("window_s", 0, "window_s must be more than 0, got 0")],
)
def test_nonsense_is_refused(field: str, value: float, says: str) -> None:
    with pytest.raises(SettingsError, match=f"ThrottleSettings.{says}"):
        ThrottleSettings(**{"ratio": 1.0, "window_s": 0.1, field: value})


@pytest.mark.parametrize(
    ("requests", "accepts", "probability"),
    [(0, 0, 0.0), (1, 0, 1 / 2), (9, 0, 9 / 10), (10, 5, 0.0), (10, 4, 2 / 11), (99, 30, 39 / 100), (4, 4, 0.0)],
)
def test_the_share_held_back_is_the_books(
    throttle: AdaptiveThrottle, requests: int, accepts: int, probability: float
) -> None:
    ask(throttle, requests, accepts)

    assert throttle.probability(0.0) == probability


def test_a_request_is_held_back_by_lot(throttle: AdaptiveThrottle) -> None:
    ask(throttle, 9)

    assert not throttle.admit(0.0, Lots(0.899))
    assert throttle.admit(0.0, Lots(10 / 11))
    assert throttle.requests == 11, "one that is held back counts, too"


def test_where_nothing_is_held_back_no_lot_is_drawn(throttle: AdaptiveThrottle) -> None:
    ask(throttle, 10, 5)
    lots = Lots(0.0)

    assert throttle.admit(0.0, lots)
    assert lots.drawn == 0
    assert throttle.admit(0.0, lots) is False
    assert lots.drawn == 1


def test_what_is_older_than_the_window_is_forgotten(throttle: AdaptiveThrottle) -> None:
    ask(throttle, 9, at=0.5)
    ask(throttle, 5, 5, at=2.5)
    assert throttle.probability(9.99) == 4 / 15

    assert throttle.probability(10.0) == 0.0
    assert (throttle.requests, throttle.accepts) == (5, 5)
    assert throttle.probability(12.0) == 0.0
    assert (throttle.requests, throttle.accepts) == (0, 0)


@pytest.mark.parametrize("later", [12.5, 22.5, 1e6])
def test_after_a_silence_everything_is_forgotten(throttle: AdaptiveThrottle, later: float) -> None:
    for second in range(10):
        ask(throttle, 3, 1, at=float(second))
    throttle.sent()

    throttle.accepted(later + 7)

    assert (throttle.requests, throttle.accepts, throttle.pending) == (0, 1, 0)


def test_it_begins_when_it_is_told_to(throttle: AdaptiveThrottle) -> None:
    late = AdaptiveThrottle(ThrottleSettings(2.0, 5.0), now=1e6)
    assert late._tick == 2e6, "half a second each"
    ask(late, 3, at=1e6)

    assert late.probability(1e6 + 4.9) == 3 / 4
    assert late.probability(1e6 + 5) == 0.0


def test_a_pending_request_is_no_refusal(throttle: AdaptiveThrottle) -> None:
    """Ten calls that begin together after a silence would hold each other back otherwise."""
    for _ in range(10):
        assert throttle.admit(0.0, Lots(0.0))
        throttle.sent()

    assert throttle.probability(0.0) == 0.0
    assert (throttle.requests, throttle.pending) == (10, 10)


def test_a_request_that_ends_unaccepted_is_a_refusal(throttle: AdaptiveThrottle) -> None:
    throttle.admit(0.0, Lots(0.0))
    sent = throttle.sent()

    throttle.settle(sent, counts=True)

    assert (throttle.requests, throttle.pending) == (1, 0)
    assert throttle.probability(3.0) == 1 / 2
    assert throttle.probability(10.0) == 0.0, "it counts for when it was sent"
    assert (throttle.requests, throttle.pending) == (0, 0)


def test_a_request_that_goes_away_was_never_there(throttle: AdaptiveThrottle) -> None:
    throttle.admit(0.0, Lots(0.0))
    sent = throttle.sent()

    throttle.settle(sent, counts=False)

    assert (throttle.requests, throttle.pending) == (0, 0)
    throttle.probability(10.0)
    assert (throttle.requests, throttle.pending) == (0, 0)


@pytest.mark.parametrize(("ends_at", "left"), [(9.99, 0), (10.0, 3), (1e6, 0)])
def test_what_has_left_the_window_needs_no_taking_back(throttle: AdaptiveThrottle, ends_at: float, left: int) -> None:
    """Its place in the ring belongs to others by then."""
    throttle.admit(0.0, Lots(0.0))
    sent = throttle.sent()
    if left:
        ask(throttle, left, at=ends_at)

    throttle.settle(sent, counts=False)

    assert (throttle.requests, throttle.pending) == (left, 0)


@pytest.mark.parametrize(("ratio", "sent_per_s"), [(2.0, 200), (1.5, 150), (1.1, 110)])
def test_a_client_of_ten_times_the_capacity_sends_ratio_times_the_capacity(
    ratio: float, sent_per_s: int, rng: random.Random
) -> None:
    """1000 requests/s, a dependency that accepts 100/s: all 100 are used, and ratio x 100 are sent."""
    throttle = AdaptiveThrottle(ThrottleSettings(ratio, WINDOW_S), now=0.0)
    sent = accepted = accepted_this_second = second = 0
    warm_s, measured_s = 12, 10
    for request in range((warm_s + measured_s) * 1000):
        now = request / 1000
        if int(now) != second:
            second, accepted_this_second = int(now), 0
        if not throttle.admit(now, rng):
            continue
        takes = accepted_this_second < 100
        if takes:
            accepted_this_second += 1
            throttle.accepted(now)
        if now >= warm_s:
            sent += 1
            accepted += takes

    assert sent / measured_s == pytest.approx(sent_per_s, rel=0.05)
    assert accepted / measured_s == pytest.approx(100, rel=0.05)


def test_after_an_outage_it_lets_go_within_some_windows(rng: random.Random) -> None:
    """A hundred requests/s, ten seconds of nothing accepted: full use is back after 4 to 6 windows, not at once."""
    throttle = AdaptiveThrottle(ThrottleSettings(2.0, 2.0), now=0.0)
    back_after_s = None
    for request in range(6000):
        now = request / 100
        works = not 10 <= now < 20
        if throttle.admit(now, rng) and works:
            throttle.accepted(now)
        if now > 20 and back_after_s is None and throttle.probability(now) == 0.0:
            back_after_s = now - 20

    assert back_after_s is not None
    assert 2 * 2.0 < back_after_s < 7 * 2.0


@pytest.fixture
def make(events: list[Event], failures: Any, clock: Clock) -> Any:
    def make(rng: random.Random, ratio: float = 2.0) -> Throttle:
        settings = ThrottleSettings(ratio, WINDOW_S)
        return Throttle(LINK, settings, refusals=failures, clock=clock, rng=rng, listener=events.append)

    return make


async def test_a_call_passes_through(make: Any, dependency: Any, events: list[Event]) -> None:
    throttle = make(Lots(0.0))

    assert await throttle.call(dependency()) == "answer"
    assert throttle.link == LINK
    assert events == []


@pytest.mark.parametrize("error", [ConnectionError(), AttemptTimeout(LINK, timeout_s=1)])
async def test_a_call_that_was_not_accepted_makes_it_hold_back(
    make: Any, dependency: Any, events: list[Event], error: Exception
) -> None:
    throttle, bank = make(Lots(0.49)), dependency(error)
    with pytest.raises(type(error)):
        await throttle.call(bank)
    with pytest.raises(Throttled, match=f"{LINK}: held back, as 67% of the calls are") as caught:
        await throttle.call(bank)

    assert bank.calls == 1
    assert (caught.value.policy, caught.value.retry_after_s, caught.value.probability) == ("throttle", None, 2 / 3)
    assert events == [ThrottleChanged(LINK, 0.5), ThrottleChanged(LINK, 0.67), Refused(LINK, "throttle", None)]


@pytest.mark.parametrize("error", [KeyError(), None])
async def test_an_answer_is_an_acceptance_be_it_an_error(make: Any, dependency: Any, error: Exception | None) -> None:
    throttle = make(Lots(0.0), ratio=1.0)
    for _ in range(3):
        await asyncio.gather(throttle.call(dependency(error)), return_exceptions=True)

    assert (throttle._throttle.requests, throttle._throttle.accepts, throttle._throttle.pending) == (3, 3, 0)


@pytest.mark.parametrize("error", [RateLimited(LINK, retry_after_s=1.0), asyncio.CancelledError()])
async def test_what_never_came_to_an_answer_counts_as_nothing(
    make: Any, dependency: Any, events: list[Event], error: BaseException
) -> None:
    throttle = make(Lots(0.0))
    with pytest.raises(type(error)):
        await throttle.call(dependency(error))

    assert (throttle._throttle.requests, throttle._throttle.accepts, throttle._throttle.pending) == (0, 0, 0)
    assert events == []


async def test_a_call_cancelled_while_it_waits_counts_as_nothing(make: Any, dependency: Any, cancel_at: Any) -> None:
    throttle = make(Lots(0.0))

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(cancel_at(throttle.call(dependency(seconds=3)), 1))

    assert (throttle._throttle.requests, throttle._throttle.accepts, throttle._throttle.pending) == (0, 0, 0)


async def test_calls_that_begin_together_do_not_hold_each_other_back(make: Any, dependency: Any) -> None:
    throttle, bank = make(Lots(0.0)), dependency(seconds=0.1)

    assert await asyncio.gather(*(throttle.call(bank) for _ in range(20))) == ["answer"] * 20


async def test_a_call_counts_for_when_it_was_sent_and_its_answer_for_when_it_came(make: Any, dependency: Any) -> None:
    throttle = make(Lots(0.0))
    await throttle.call(dependency(seconds=3.0))

    inner = throttle._throttle
    assert (inner.probability(9.99), inner.requests, inner.accepts) == (0.0, 1, 1)
    assert (inner.probability(10.0), inner.requests, inner.accepts) == (0.0, 0, 1)
    assert (inner.probability(13.0), inner.requests, inner.accepts) == (0.0, 0, 0)


async def test_a_hundredth_exactly_is_a_step(make: Any, dependency: Any, events: list[Event]) -> None:
    throttle = make(Lots(0.999), ratio=1.0)
    for _ in range(98):
        await throttle.call(dependency())
    await asyncio.gather(throttle.call(dependency(ConnectionError())), return_exceptions=True)

    assert throttle._throttle.probability(0.0) == 1 / 100
    assert events == [ThrottleChanged(LINK, 0.01)]


async def test_it_tells_steps_of_a_hundredth_and_when_it_is_over(
    make: Any, dependency: Any, events: list[Event]
) -> None:
    throttle = make(Lots(0.999), ratio=1.0)
    for _ in range(1000):
        await throttle.call(dependency())
    for _ in range(25):
        await asyncio.gather(throttle.call(dependency(ConnectionError())), return_exceptions=True)
    for _ in range(2000):
        await throttle.call(dependency())

    assert events[:2] == [ThrottleChanged(LINK, 0.01), ThrottleChanged(LINK, 0.02)], "11 of 1012, 22 of 1023"
    # The successes that follow push it below a hundredth of change, but not to nothing.
    assert events[2:] == [ThrottleChanged(LINK, 0.01)]
    await asyncio.sleep(WINDOW_S)
    await throttle.call(dependency())
    assert events[3:] == [ThrottleChanged(LINK, 0.0)]
