"""Idempotency: one result a key, whoever comes again, whenever, and whatever has become of the first."""

import asyncio
import itertools
import uuid
from dataclasses import replace
from typing import Any

import pytest

from resilience.clock import Clock
from resilience.deadline import deadline_at
from resilience.errors import InProgress, KeyReused, SettingsError
from resilience.events import DuplicateSeen, Event, Refused, ignore
from resilience.idempotency import Claim, Idempotency, IdempotencySettings, Waiting, fingerprint, next_step
from resilience.states import Duplicate
from tests.unit.resilience.keys import Keys

SETTINGS = IdempotencySettings(lease_s=5.0, wait_s=1.0, poll_s=0.02)


class Work:
    """An operation that takes `seconds`, notes the records it was given, and numbers its results."""

    def __init__(self, *errors: BaseException | None, seconds: float = 0.0) -> None:
        self.errors = list(errors)
        self.seconds = seconds
        self.records: list[str] = []

    async def __call__(self, record: str) -> str:
        self.records.append(record)
        number = len(self.records)
        if self.seconds:
            await asyncio.sleep(self.seconds)
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return f"result {number}"


def once(keys: Keys, settings: IdempotencySettings = SETTINGS, listener: Any = ignore) -> Idempotency[str, str]:
    numbers = itertools.count(1)
    return Idempotency(
        "link",
        settings,
        store=keys,
        new_id=lambda: uuid.UUID(int=next(numbers)),
        clock=keys.clock,
        listener=listener,
    )


@pytest.fixture
def keys(clock: Clock) -> Keys:
    return Keys(clock)


async def test_a_new_key_is_one_claim_one_operation_one_settling(keys: Keys, events: list[Event]) -> None:
    work = Work()

    assert await once(keys, listener=events.append).run("k", "f", "record", work) == "result 1"
    assert keys.asked == ["claim", "settle"]
    assert work.records == ["record"]
    assert events == []


async def test_a_settled_key_is_answered_with_the_first_result(keys: Keys, events: list[Event]) -> None:
    one, work = once(keys, listener=events.append), Work()
    await one.run("k", "f", "record", work)

    assert await one.run("k", "f", "other record", work) == "result 1"
    assert keys.asked == ["claim", "settle", "claim"]
    assert len(work.records) == 1
    assert events == [DuplicateSeen("link", Duplicate.REPLAYED)]


async def test_another_request_under_the_key_is_refused_and_changes_nothing(keys: Keys, events: list[Event]) -> None:
    """Whether the first is settled or under way, and without a wait."""
    one, work = once(keys, listener=events.append), Work(seconds=0.5)
    first = asyncio.create_task(one.run("k", "f", "record", work))
    await keys.clock.sleep(0.1)

    with pytest.raises(KeyReused) as reused:
        await one.run("k", "other", "record", work)
    assert (reused.value.link, keys.clock.now()) == ("link", 0.1)
    assert await first == "result 1"
    with pytest.raises(KeyReused):
        await one.run("k", "other", "record", work)
    assert len(work.records) == 1
    assert events == [DuplicateSeen("link", Duplicate.CONFLICT)] * 2


async def test_keys_know_nothing_of_each_other(keys: Keys) -> None:
    one, work = once(keys), Work(seconds=0.5)

    results = await asyncio.gather(one.run("a", "f", "r", work), one.run("b", "f", "r", work))

    assert list(results) == ["result 1", "result 2"]


async def test_a_twin_waits_for_the_first_and_is_told_its_result(keys: Keys, events: list[Event]) -> None:
    """It looks again after 20, 40, 80, 160 ms: for a wait of 0.2 s five looks."""
    one, work = once(keys, listener=events.append), Work(seconds=0.2)
    first = asyncio.create_task(one.run("k", "f", "record", work))
    await keys.clock.sleep(0)

    assert await one.run("k", "f", "record", work) == "result 1"
    assert keys.clock.now() == pytest.approx(0.02 + 0.04 + 0.08 + 0.16)
    assert await first == "result 1"
    assert keys.asked == ["claim", *["claim"] * 4, "settle", "claim"]
    assert events == [DuplicateSeen("link", Duplicate.WAITED)]


async def test_fifty_twins_are_one_operation(keys: Keys) -> None:
    one, work = once(keys), Work(seconds=0.2)

    results = await asyncio.gather(*(one.run("k", "f", "record", work) for _ in range(50)))

    assert set(results) == {"result 1"}
    assert len(work.records) == 1


async def test_a_twin_that_has_waited_long_enough_is_refused(keys: Keys, events: list[Event]) -> None:
    """After `wait_s`, and told to stay away as long again; the first is none the worse."""
    one, work = once(keys, listener=events.append), Work(seconds=3)
    first = asyncio.create_task(one.run("k", "f", "record", work))
    await keys.clock.sleep(0)

    with pytest.raises(InProgress) as refused:
        await one.run("k", "f", "record", work)

    assert keys.clock.now() == pytest.approx(1.0)
    assert (refused.value.link, refused.value.policy, refused.value.retry_after_s) == ("link", "idempotency", 1.0)
    assert events == [DuplicateSeen("link", Duplicate.IN_PROGRESS), Refused("link", "idempotency", 1.0)]
    assert await first == "result 1"
    assert "give_back" not in keys.asked


async def test_the_wait_is_counted_from_the_call_and_not_from_the_first_answer(clock: Clock) -> None:
    """A store that takes half the wait to answer leaves half of it."""
    keys = Keys(clock, seconds=0.5)
    one = once(keys)
    first = asyncio.create_task(one.run("k", "f", "record", Work(seconds=10)))
    await clock.sleep(1)

    with pytest.raises(InProgress):
        await one.run("k", "f", "record", Work())

    assert clock.now() == pytest.approx(1 + 0.5 + 0.02 + 0.5)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_twin_that_may_not_wait_is_refused_at_once(keys: Keys) -> None:
    one = once(keys, replace(SETTINGS, wait_s=0.0))
    first = asyncio.create_task(one.run("k", "f", "record", Work(seconds=0.2)))
    await keys.clock.sleep(0)

    with pytest.raises(InProgress) as refused:
        await one.run("k", "f", "record", Work())

    assert (keys.clock.now(), refused.value.retry_after_s) == (0.0, 0.02)
    await first


async def test_nobody_is_sent_away_for_longer_than_the_lease(keys: Keys) -> None:
    """The next call may take over by then."""
    one = once(keys, IdempotencySettings(lease_s=1.25, wait_s=1.0, poll_s=0.02))
    first = asyncio.create_task(one.run("k", "f", "record", Work(seconds=3)))
    await keys.clock.sleep(0)

    with pytest.raises(InProgress) as refused:
        await one.run("k", "f", "record", Work())

    assert refused.value.retry_after_s == pytest.approx(0.25)
    await first


async def test_the_failure_of_the_first_frees_the_key_for_the_next(keys: Keys, events: list[Event]) -> None:
    """At once, not when the lease ends; and the next goes on with the record of the first."""
    one, work = once(keys, listener=events.append), Work(ConnectionError("no bank"))
    with pytest.raises(ConnectionError, match="no bank"):
        await one.run("k", "f", "record", work)

    assert await one.run("k", "f", "new record", work) == "result 2"
    assert work.records == ["record", "record"]
    assert keys.clock.now() == 0.0
    assert events == [DuplicateSeen("link", Duplicate.TAKEN_OVER)]


async def test_a_waiting_twin_takes_over_from_a_first_that_fails(keys: Keys, events: list[Event]) -> None:
    one, work = once(keys, listener=events.append), Work(ConnectionError(), seconds=0.1)
    first = asyncio.create_task(one.run("k", "f", "record", work))
    await keys.clock.sleep(0)

    assert await one.run("k", "f", "record", work) == "result 2"
    with pytest.raises(ConnectionError):
        await first
    assert events == [DuplicateSeen("link", Duplicate.TAKEN_OVER)]


async def test_a_failure_frees_no_claim_but_its_own(keys: Keys) -> None:
    """A first that fails after its lease leaves the claim of the one who took over."""
    one = once(keys, replace(SETTINGS, lease_s=1.0))
    first = asyncio.create_task(one.run("k", "f", "record", Work(ConnectionError(), seconds=2)))
    await keys.clock.sleep(1.5)
    second = asyncio.create_task(one.run("k", "f", "record", Work(seconds=2)))
    await asyncio.gather(first, return_exceptions=True)

    assert keys.asked[-1] == "give_back"
    assert keys.rows["k"].claimant == uuid.UUID(int=2)
    assert await second == "result 1"


async def test_a_claim_that_is_not_given_back_ends_with_its_lease(keys: Keys, events: list[Event]) -> None:
    """As when the first one's process died."""
    keys.broken.add("give_back")
    one = once(keys, IdempotencySettings(lease_s=0.5, wait_s=1.0, poll_s=0.02), events.append)
    with pytest.raises(ConnectionError, match="no bank"):
        await one.run("k", "f", "record", Work(ConnectionError("no bank")))

    assert await one.run("k", "f", "record", Work()) == "result 1"
    assert keys.clock.now() == pytest.approx(0.5)
    assert events == [DuplicateSeen("link", Duplicate.TAKEN_OVER)]


async def test_two_who_work_under_one_key_are_told_what_was_settled_first(keys: Keys) -> None:
    """The lease is too short for the work: the safety is in the settling."""
    one, work = once(keys, replace(SETTINGS, lease_s=0.1)), Work(seconds=0.3)
    first = asyncio.create_task(one.run("k", "f", "record", work))
    await keys.clock.sleep(0.2)

    assert await one.run("k", "f", "record", work) == "result 1"
    assert await first == "result 1"
    assert keys.rows["k"].results == ["result 1", "result 2"]


async def test_a_store_that_takes_its_time_to_take_a_claim_back_is_not_waited_for(keys: Keys) -> None:
    """The caller has its error within `give_back_s`."""
    one = once(keys, replace(SETTINGS, give_back_s=0.2))
    work = Work(ConnectionError("no bank"))
    operation = work.__call__

    async def then_slow(record: str) -> str:
        keys.seconds = 60.0
        return await operation(record)

    with pytest.raises(ConnectionError, match="no bank"):
        await one.run("k", "f", "record", then_slow)
    assert keys.clock.now() == pytest.approx(0.2)


async def test_a_settling_that_fails_frees_the_key(keys: Keys) -> None:
    keys.broken.add("settle")
    one, work = once(keys), Work()
    with pytest.raises(ConnectionError, match="settle"):
        await one.run("k", "f", "record", work)
    keys.broken.clear()

    assert await one.run("k", "f", "record", work) == "result 2"
    assert keys.asked == ["claim", "settle", "give_back", "claim", "settle"]


async def test_a_claim_whose_answer_never_came_is_not_given_back(keys: Keys) -> None:
    """A store that does not answer is not asked once more."""
    keys.broken.add("claim")
    with pytest.raises(ConnectionError, match="claim"):
        await once(keys).run("k", "f", "record", Work())

    assert keys.asked == ["claim"]


async def test_what_is_no_exception_frees_nothing(keys: Keys) -> None:
    """A coroutine that is closed, a process that is stopped: there is nobody to wait for the store."""
    work = once(keys).run("k", "f", "record", Work(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        work.send(None)

    assert keys.asked == ["claim"]


async def test_a_cancellation_anywhere_leaves_a_key_that_the_next_call_brings_to_its_end(
    clock: Clock, cancel_at: Any
) -> None:
    """At each of the places where the first one waits; only a claim without an answer keeps the next one waiting."""
    waited = {}
    for point in itertools.count(1):
        keys = Keys(clock, seconds=0.02)
        one, work = once(keys, replace(SETTINGS, lease_s=0.8)), Work(seconds=0.02)
        driven = cancel_at(one.run("k", "f", "record", work), point)
        end: Any
        [end] = await asyncio.gather(asyncio.create_task(driven), return_exceptions=True)
        if driven.waits < point:
            assert end == "result 1"
            break
        assert isinstance(end, asyncio.CancelledError), f"place {point} swallowed the cancellation: {end!r}"
        began = clock.now()
        result = await one.run("k", "f", "record", work)
        waited[point] = clock.now() - began
        assert keys.rows["k"].results[0] == result
    # 1, 2: the claim; 3: the work; 4, 5: the settling.
    assert set(waited) == {1, 2, 3, 4, 5}
    assert {point for point, seconds in waited.items() if seconds > 0.1} == {2}


async def test_a_second_cancellation_ends_the_giving_back(clock: Clock) -> None:
    """A cancelled call spends up to `give_back_s` on its claim, unless its caller insists."""
    keys = Keys(clock)
    task = asyncio.create_task(once(keys, replace(SETTINGS, give_back_s=60.0)).run("k", "f", "record", Work(seconds=1)))
    await clock.sleep(0.5)
    keys.seconds = 30.0
    task.cancel()
    await clock.sleep(1)
    assert not task.done()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.now() == 1.5


async def test_a_result_may_be_none(keys: Keys) -> None:
    """That a key is settled is not told by its result."""
    one: Any = once(keys)

    async def nothing(_record: str) -> None:
        return None

    assert await one.run("k", "f", "record", nothing) is None
    assert await one.run("k", "f", "record", Work()) is None


def claim(**changes: Any) -> Claim[str, str]:
    return replace(Claim("new", "f", "record"), **changes)


@pytest.mark.parametrize(
    ("standing", "same", "other"),
    [
        ("new", "work", "conflict"),
        ("taken_over", "work", "conflict"),
        ("in_flight", "wait", "conflict"),
        ("settled", "replay", "conflict"),
    ],
)
def test_what_becomes_of_a_call_is_decided_by_fingerprint_and_standing(standing: Any, same: str, other: str) -> None:
    found = claim(standing=standing)

    assert (next_step(found, "f"), next_step(found, "g")) == (same, other)


def looks(waiting: Waiting, now: float, *, lease_ends: float) -> list[float]:
    """Return when a call looks again, until it gives up."""
    found = []
    while (pause_s := waiting.pause_s(now, lease_ends - now)) is not None:
        now += pause_s
        found.append(round(now, 6))
    return found


def test_each_look_comes_after_twice_the_time_and_the_last_when_the_wait_ends() -> None:
    waiting = Waiting(SETTINGS, now=10.0, wait_s=SETTINGS.wait_s)

    assert looks(waiting, 10.0, lease_ends=99) == [10.02, 10.06, 10.14, 10.3, 10.62, 11.0]


def test_a_look_comes_when_the_lease_ends() -> None:
    assert looks(Waiting(SETTINGS, now=0.0, wait_s=SETTINGS.wait_s), 0.0, lease_ends=0.5)[3:6] == [0.3, 0.5, 0.52]


def test_a_lease_that_does_not_end_is_not_asked_for_without_pause() -> None:
    """A store whose clock stands still is asked every `poll_s` and no oftener."""
    waiting = Waiting(IdempotencySettings(lease_s=1.0, wait_s=0.1, poll_s=0.02), now=0.0, wait_s=0.1)

    assert looks(waiting, 0.0, lease_ends=-1.0) == [0.02, 0.04, 0.06, 0.08, 0.1]


def test_a_fingerprint_is_the_same_for_the_same_request() -> None:
    """Whatever the order of its fields; the figure is fixed, for it lies in databases."""
    assert fingerprint({"b": 1, "a": [2, "ü"]}) == fingerprint({"a": [2, "ü"], "b": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})
    assert fingerprint({"b": 1, "a": [2, "ü"]}) == "809d5357577689bfdfdaa618e752b4e58144521be55da4ce9894d558e7255859"


@pytest.mark.parametrize(
    ("field", "bad", "message"),
    [
        ("lease_s", 0, "more than 0"),
        ("wait_s", -0.1, "at least 0"),
        ("poll_s", 0, "more than 0"),
        ("give_back_s", 0, "more than 0"),
    ],
)
def test_nonsense_is_refused_at_construction(field: str, bad: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=rf"IdempotencySettings\.{field} must be {message}"):
        replace(SETTINGS, **{field: bad})


def test_a_call_need_not_wait() -> None:
    assert replace(SETTINGS, wait_s=0).wait_s == 0


async def test_nobody_waits_for_a_twin_beyond_the_callers_deadline(keys: Keys, clock: Clock) -> None:
    one, first = once(keys), Work(seconds=0.9)
    running = asyncio.create_task(one.run("k", "f", "record", first))
    await clock.sleep(0.1)
    deadline_at.set(clock.now() + 0.05)

    with pytest.raises(InProgress):
        await one.run("k", "f", "record", first)

    assert clock.now() == pytest.approx(0.15)
    assert await running == "result 1"
