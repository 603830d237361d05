"""The admission queue: who runs, who waits, who is next, who is dropped and why; time is a number here."""

import heapq
import random
from typing import Any

import pytest

from resilience.admission_queue import AdmissionQueue, Dropped, QueueSettings
from resilience.codel import CoDelSettings
from resilience.errors import SettingsError
from resilience.states import ShedReason

FULL, EVICTED, SLOW, DEADLINE = ShedReason.FULL, ShedReason.EVICTED, ShedReason.SLOW, ShedReason.DEADLINE

Queue = AdmissionQueue[str]


def make(limit: int = 1, **changes: Any) -> Queue:
    """Return a queue of three places in which one may wait for 8 s, and a request that runs."""
    queue: Queue = AdmissionQueue(
        QueueSettings(**{"max_waiting": 3, "max_wait_s": 8.0, **changes}), limit=limit, now=0.0
    )
    assert queue.enter(0.0)
    return queue


def fill(queue: Queue, tickets: str, **about: Any) -> None:
    for ticket in tickets:
        assert queue.offer(ticket, 0.0, **about) == []


def drain(queue: Queue, now: float = 0.0) -> str:
    """Return who is served, in order, each one ending before the next begins."""
    served = ""
    while queue.waiting:
        queue.leave()
        ticket, dropped = queue.next(now)
        assert ticket is not None
        assert dropped == []
        served += ticket
    return served


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("max_waiting", -1, "must be at least 0"),
        ("max_waiting", 1.5, "must be a whole number"),
        ("max_wait_s", 0, "must be more than 0"),
        ("order", "random", "must be one of fifo, lifo, adaptive, got 'random'"),
        ("margin_s", -0.1, "must be at least 0"),
        ("lifo_share", -0.1, "must be at least 0"),
        ("lifo_share", 1.1, "must be at most 1"),
    ],
)
def test_nonsense_is_refused(field: str, value: Any, says: str) -> None:
    with pytest.raises(SettingsError, match=rf"QueueSettings\.{field} {says}"):
        QueueSettings(**{"max_waiting": 3, "max_wait_s": 1.0, field: value})


def test_the_bounds_themselves_are_allowed() -> None:
    QueueSettings(max_waiting=0, max_wait_s=0.001, margin_s=0, lifo_share=0)
    assert QueueSettings(max_waiting=0, max_wait_s=1).lifo_share == 0.5
    assert QueueSettings(max_waiting=0, max_wait_s=1, lifo_share=1).margin_s == 0


def test_as_many_run_as_the_limit_says() -> None:
    queue = make(limit=3)

    assert [queue.enter(0.0) for _ in range(3)] == [True, True, False]
    assert (queue.in_flight, queue.waiting) == (3, 0)


def test_a_slot_that_is_given_back_is_free() -> None:
    queue = make()
    queue.leave()

    assert queue.in_flight == 0
    assert queue.enter(0.0)


def test_nobody_overtakes_who_waits() -> None:
    queue = make()
    fill(queue, "a")
    queue.leave()

    assert not queue.enter(0.0)
    assert queue.next(0.0) == ("a", [])
    assert (queue.in_flight, queue.waiting) == (1, 0)


def test_nobody_starts_while_no_slot_is_free() -> None:
    queue = make()
    fill(queue, "a")

    assert queue.next(100.0) == (None, [])
    assert (queue.in_flight, queue.waiting) == (1, 1)


def test_where_nobody_waits_nobody_starts() -> None:
    queue = make(limit=2)

    assert queue.next(0.0) == (None, [])
    assert queue.in_flight == 1


@pytest.mark.parametrize(("order", "served"), [("fifo", "abc"), ("lifo", "cba")])
def test_the_order_is_kept(order: str, served: str) -> None:
    queue = make(order=order)
    fill(queue, "abc")

    assert drain(queue) == served


@pytest.mark.parametrize(("order", "served"), [("fifo", "bdac"), ("lifo", "dbca")])
def test_a_higher_priority_is_served_first_and_the_order_is_within_it(order: str, served: str) -> None:
    queue = make(order=order, max_waiting=4)
    for ticket, priority in zip("abcd", (1, 5, 1, 5), strict=True):
        queue.offer(ticket, 0.0, priority)

    assert drain(queue) == served


def test_a_full_queue_of_first_come_first_refuses_who_comes() -> None:
    queue = make()
    fill(queue, "abc")

    assert queue.offer("d", 1.0) == [Dropped("d", FULL)]
    assert drain(queue) == "abc"


def test_a_full_queue_of_last_come_first_gives_up_its_oldest() -> None:
    """It would be served last, if ever."""
    queue = make(order="lifo")
    fill(queue, "abc")

    assert queue.offer("d", 1.0) == [Dropped("a", FULL)]
    assert drain(queue) == "dcb"


@pytest.mark.parametrize(("order", "victim", "left"), [("fifo", "c", "bda"), ("lifo", "a", "dbc")])
def test_a_full_queue_gives_up_the_lowest_priority_for_a_higher_one(order: str, victim: str, left: str) -> None:
    """And in it who would be served last."""
    queue = make(order=order)
    for ticket, priority in zip("abc", (0, 5, 0), strict=True):
        queue.offer(ticket, 0.0, priority)

    assert queue.offer("d", 1.0, 5) == [Dropped(victim, EVICTED)]
    assert drain(queue) == left


def test_without_a_word_the_priority_is_0() -> None:
    queue = make()
    queue.offer("low", 0.0, -1)
    queue.offer("plain", 0.0)
    queue.offer("high", 0.0, 1)
    assert queue.offer("zero", 0.0, 0) == [Dropped("low", EVICTED)]

    assert drain(queue) == "highplainzero"


def test_a_lower_priority_finds_a_full_queue_full() -> None:
    for order in ("fifo", "lifo"):
        queue = make(order=order)
        fill(queue, "abc", priority=1)

        assert queue.offer("d", 1.0, 0) == [Dropped("d", FULL)]
        assert queue.waiting == 3


def test_a_full_queue_first_lets_go_who_waited_too_long() -> None:
    queue = make()
    queue.offer("a", 0.0)
    queue.offer("b", 1.0)
    queue.offer("c", 1.0)

    assert queue.offer("d", 8.5) == [Dropped("a", SLOW)]
    assert queue.offer("e", 9.0) == [Dropped("e", FULL)], "b has waited for 8 s, which it may"
    assert queue.waiting == 3


def test_without_a_queue_a_request_runs_or_is_refused() -> None:
    queue = make(limit=2, max_waiting=0)

    assert queue.offer("a", 0.0) == [], "a slot is free: it only passes through"
    assert queue.next(0.0) == ("a", [])
    assert queue.offer("b", 0.0) == [Dropped("b", FULL)]
    assert queue.waiting == 0


def test_who_waits_for_a_free_slot_takes_nobodys_place() -> None:
    queue = make(limit=3, max_waiting=1)
    for ticket in "abc":
        assert queue.offer(ticket, 0.0) == []

    assert queue.offer("d", 0.0) == [Dropped("d", FULL)]


def test_a_limit_that_falls_below_what_runs_makes_no_room_less() -> None:
    queue = make(limit=3)
    queue.enter(0.0)
    queue.enter(0.0)
    queue.limit = 1

    fill(queue, "abc")
    assert not queue.enter(0.0)
    queue.leave()
    assert queue.next(0.0) == (None, []), "two still run, one may"
    queue.leave()
    queue.leave()
    assert queue.next(0.0) == ("a", [])


def test_a_limit_that_rises_lets_who_waits_start() -> None:
    queue = make()
    fill(queue, "abc")
    queue.limit = 3

    assert [queue.next(0.0)[0] for _ in range(3)] == ["a", "b", None]
    assert queue.in_flight == 3


def test_a_wait_longer_than_the_longest_is_dropped_before_anybody_starts() -> None:
    queue = make()
    queue.offer("a", 0.0)
    queue.offer("b", 0.25, priority=5)
    queue.offer("c", 0.5)
    queue.leave()

    assert queue.next(8.5) == ("c", [Dropped("a", SLOW), Dropped("b", SLOW)])


def test_who_goes_away_leaves_no_trace() -> None:
    queue = make()
    fill(queue, "abc")

    assert queue.withdraw("b")
    assert not queue.withdraw("b")
    assert not queue.withdraw("never came")
    assert queue.waiting == 2
    assert drain(queue) == "ac"
    assert not queue.withdraw("a"), "it runs"


@pytest.mark.parametrize(
    ("deadline", "too_late"),
    [(4.25, False), (4.125, True), (4.0, True), (None, False)],
)
def test_who_has_less_left_than_the_margin_is_not_begun(deadline: float | None, too_late: bool) -> None:
    """At the door, where a slot is free; at the door of the queue; and when its turn has come."""
    free = make(limit=2, margin_s=0.25)
    assert free.enter(4.0, deadline) is not too_late
    assert free.in_flight == 2 - too_late

    queue = make(margin_s=0.25)
    assert queue.offer("a", 4.0, deadline=deadline) == ([Dropped("a", DEADLINE)] if too_late else [])
    assert queue.waiting == 1 - too_late

    waited = make(margin_s=0.25)
    fill(waited, "a", deadline=deadline)
    fill(waited, "b")
    waited.leave()
    assert waited.next(4.0) == (("b", [Dropped("a", DEADLINE)]) if too_late else ("a", []))
    assert waited.in_flight == 1


def test_without_a_margin_a_deadline_that_is_now_has_passed() -> None:
    queue = make(limit=2)

    assert not queue.enter(4.0, 4.0)
    assert queue.enter(4.0, 4.001)


def test_where_every_deadline_has_passed_the_slot_stays_free() -> None:
    queue = make()
    fill(queue, "ab", deadline=1.0)
    queue.leave()

    assert queue.next(2.0) == (None, [Dropped("a", DEADLINE), Dropped("b", DEADLINE)])
    assert (queue.in_flight, queue.waiting) == (0, 0)


# A queue of eight; half of it is four.
def adaptive(**changes: Any) -> Queue:
    return make(order="adaptive", max_waiting=8, **changes)


def test_adaptive_is_first_come_first_up_to_its_share_and_last_come_first_above() -> None:
    queue = adaptive()
    fill(queue, "abcd")
    assert not queue.last_first
    fill(queue, "e")
    assert queue.last_first

    assert drain(queue) == "eabcd"


def test_the_share_is_a_choice() -> None:
    never, always = adaptive(lifo_share=1), adaptive(lifo_share=0)
    fill(never, "abcdefgh")
    fill(always, "ab")

    assert never.offer("i", 0.0) == [Dropped("i", FULL)], "a full queue is not more than all of its places"
    assert drain(never) == "abcdefgh"
    assert drain(always) == "ba"


def test_a_full_adaptive_queue_gives_up_its_oldest() -> None:
    queue = adaptive()
    fill(queue, "abcdefgh")

    assert queue.offer("i", 1.0) == [Dropped("a", FULL)]


CODEL = CoDelSettings(target_s=0.25, interval_s=1.0)


def stand(queue: Queue, until: float = 3.0) -> None:
    """Serve one each quarter of a second from 1 s on, of those who waited for longer than the target."""
    for quarter in range(4, int(until * 4)):
        now = quarter / 4
        assert queue.offer(f"{now}", now - 0.375) == []
        queue.leave()
        assert queue.next(now) == (f"{now}", [])


def test_a_queue_that_stands_drops_who_waited_too_long() -> None:
    """The interval that begins at 2 s has shown it; who waited for more than twice the target goes."""
    queue = make(codel=CODEL)
    stand(queue, until=2.5)
    queue.offer("too old", 1.9375)
    queue.offer("old enough", 2.0)
    queue.leave()

    assert queue.next(2.5) == ("old enough", [Dropped("too old", SLOW)])


def test_where_the_last_come_is_next_the_oldest_still_tells_that_the_queue_stands() -> None:
    """Each request that is served waited for nothing; one lies at the bottom, and is seen."""
    queue = make(order="lifo", codel=CODEL)
    queue.offer("bottom", 0.5)
    for quarter in range(4, 11):
        now = quarter / 4
        queue.offer(f"{now}", now)
        queue.leave()
        ticket, dropped = queue.next(now)
        assert ticket == f"{now}"
        if dropped:
            break

    assert dropped == [Dropped("bottom", SLOW)]
    assert now == 2.25, "from 1.0 to 2.0 it lay there, and the first of the next interval is spared"


def test_a_queue_that_stands_is_turned_round() -> None:
    queue = adaptive(codel=CODEL)
    stand(queue)
    assert queue.last_first
    queue.offer("a", 2.75)
    queue.offer("b", 2.875)
    queue.leave()

    assert queue.next(2.9) == ("b", [])


def test_a_request_that_finds_a_free_slot_ends_the_standing() -> None:
    queue = adaptive(codel=CODEL)
    stand(queue)
    queue.leave()
    assert queue.enter(3.0)

    assert not queue.last_first


def test_with_every_waiting_request_dropped_the_slot_stays_free() -> None:
    queue = make(codel=CODEL, max_waiting=4)
    stand(queue, until=2.5)
    queue.offer("a", 1.5)
    queue.offer("b", 1.5)
    queue.leave()

    assert queue.next(2.5) == (None, [Dropped("a", SLOW), Dropped("b", SLOW)])
    assert queue.in_flight == 0


def serve(settings: QueueSettings, *, rate_per_s: float, seconds: int, rng: random.Random) -> tuple[float, float]:
    """Simulate ten slots of 0.1 s on average, 100 requests/s; return the served a second, and their 99th wait."""
    queue: AdmissionQueue[tuple[int, float]] = AdmissionQueue(settings, limit=10, now=0.0)
    ends: list[float] = []
    waits: list[float] = []
    comes, number = 0.0, 0
    while comes < seconds:
        if ends and ends[0] <= comes:
            now = heapq.heappop(ends)
            queue.leave()
        else:
            now, comes = comes, comes + rng.expovariate(rate_per_s)
            number += 1
            queue.offer((number, now), now)
        ticket, _ = queue.next(now)
        if ticket is not None:
            heapq.heappush(ends, now + rng.expovariate(10))
            waits.append(now - ticket[1])
    waits.sort()
    return len(waits) / seconds, waits[len(waits) * 99 // 100]


def test_codel_pays_for_short_waits_with_requests_that_would_have_been_served(rng: random.Random) -> None:
    """At 90 % of what it can do: some 6 % are dropped, and the 99th wait is less than half."""
    plain = QueueSettings(max_waiting=20, max_wait_s=0.5)
    codel = QueueSettings(max_waiting=20, max_wait_s=0.5, codel=CoDelSettings())
    served, wait_s = serve(plain, rate_per_s=90, seconds=200, rng=rng)
    served_codel, wait_codel_s = serve(codel, rate_per_s=90, seconds=200, rng=rng)

    assert 86 < served < 92
    assert 0.90 < served_codel / served < 0.97
    assert wait_codel_s < wait_s / 2
