"""The bulkhead: slots, the queue for them, and what a waiter who leaves takes with him (nothing)."""

import asyncio
from typing import Any

import pytest

from resilience import Bulkhead, BulkheadFull, BulkheadSettings, Clock, Event
from resilience.deadline import deadline_at
from resilience.events import BulkheadChanged, Refused

LINK = "orders_to_postgres"


@pytest.fixture
def make(events: list[Event], clock: Clock) -> Any:
    def make(max_concurrent: int = 2, max_waiting: int = 2, max_wait_s: float = 1.0) -> Bulkhead:
        settings = BulkheadSettings(max_concurrent, max_waiting, max_wait_s)
        return Bulkhead(LINK, settings, clock=clock, listener=events.append)

    return make


def start(bulkhead: Bulkhead, operation: Any, calls: int) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(bulkhead.call(operation)) for _ in range(calls)]


async def turn() -> None:
    """Let every task that is ready go as far as it can, without time passing."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_calls_are_in_flight_than_there_are_slots(make: Any, dependency: Any, clock: Clock) -> None:
    postgres = dependency(seconds=0.4)

    answers = await asyncio.gather(*start(make(), postgres, 4))

    assert answers == ["answer"] * 4
    assert postgres.most_in_flight == 2
    assert clock.now() == pytest.approx(0.8)


async def test_a_full_queue_refuses_at_once(make: Any, dependency: Any, clock: Clock) -> None:
    bulkhead, postgres = make(), dependency(seconds=0.4)
    tasks = start(bulkhead, postgres, 4)
    await turn()

    with pytest.raises(BulkheadFull, match="2 calls in flight and 2 waiting") as caught:
        await bulkhead.call(postgres)

    assert clock.now() == 0
    assert (caught.value.policy, caught.value.retry_after_s) == ("bulkhead", None)
    await asyncio.gather(*tasks)
    assert postgres.calls == 4


async def test_without_a_queue_it_refuses_what_does_not_fit(make: Any, dependency: Any) -> None:
    bulkhead, postgres = make(max_waiting=0, max_wait_s=0), dependency(seconds=1)
    tasks = start(bulkhead, postgres, 2)
    await turn()

    with pytest.raises(BulkheadFull):
        await bulkhead.call(postgres)

    await asyncio.gather(*tasks)


async def test_a_wait_that_takes_too_long_is_refused(make: Any, dependency: Any, clock: Clock) -> None:
    bulkhead, postgres = make(max_wait_s=0.1), dependency(seconds=5)
    tasks = start(bulkhead, postgres, 2)
    await turn()

    with pytest.raises(BulkheadFull, match=r"no slot became free within 0\.1 s"):
        await bulkhead.call(postgres)

    assert clock.now() == 0.1
    assert (bulkhead.in_flight, bulkhead.waiting) == (2, 0)
    await asyncio.gather(*tasks)
    assert postgres.calls == 2


async def test_who_waits_longest_is_next(make: Any) -> None:
    order = []
    bulkhead = make(max_concurrent=1, max_waiting=5)

    async def call(number: int) -> None:
        async def operation() -> None:
            order.append(number)
            await asyncio.sleep(0.1)

        await bulkhead.call(operation)

    await asyncio.gather(*(call(number) for number in range(5)))

    assert order == [0, 1, 2, 3, 4]


async def test_a_slot_that_is_given_up_cannot_be_overtaken(make: Any, dependency: Any) -> None:
    """The slot goes straight to the waiter: a call that comes in the same turn has to queue."""
    bulkhead = make(max_concurrent=1)
    tasks = start(bulkhead, dependency(seconds=0.1), 2)
    await asyncio.sleep(0.1)
    late = dependency()
    latecomer = asyncio.create_task(bulkhead.call(late))
    await turn()

    assert (bulkhead.in_flight, bulkhead.waiting, late.calls) == (1, 1, 0)
    await asyncio.gather(*tasks, latecomer)


@pytest.mark.parametrize("error", [ConnectionError, asyncio.CancelledError])
async def test_a_slot_comes_back_however_the_call_ends(make: Any, dependency: Any, error: type[BaseException]) -> None:
    bulkhead = make()

    with pytest.raises(error):
        await bulkhead.call(dependency(error()))

    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)


async def test_a_cancelled_waiter_loses_no_slot(make: Any, dependency: Any) -> None:
    """Time and again: cancelled waiters must not use the slots up."""
    bulkhead = make()
    for _ in range(10):
        holders = start(bulkhead, dependency(seconds=0.1), 2)
        await turn()
        waiters = start(bulkhead, dependency(), 2)
        await turn()
        for waiter in waiters:
            waiter.cancel()
        assert [type(end) for end in await asyncio.gather(*waiters, return_exceptions=True)] == [
            asyncio.CancelledError
        ] * 2
        await asyncio.gather(*holders)

    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)
    assert await asyncio.gather(*start(bulkhead, dependency(seconds=0.1), 2)) == ["answer"] * 2


async def test_a_cancelled_waiter_gives_his_place_in_the_queue_back_at_once(make: Any, dependency: Any) -> None:
    bulkhead = make(max_concurrent=1, max_waiting=1)
    holder, waiter = start(bulkhead, dependency(seconds=0.1), 2)
    await turn()
    waiter.cancel()
    await turn()
    assert (bulkhead.in_flight, bulkhead.waiting) == (1, 0)

    assert await bulkhead.call(dependency()) == "answer"
    await holder


async def test_a_wait_that_is_over_leaves_no_timer_behind(make: Any, dependency: Any) -> None:
    bulkhead = make(max_concurrent=1, max_wait_s=60)
    holder, served, cancelled = start(bulkhead, dependency(seconds=0.1), 3)
    await turn()
    cancelled.cancel()
    await asyncio.gather(holder, served)

    loop: Any = asyncio.get_running_loop()
    assert [timer for timer in loop._scheduled if not timer.cancelled()] == []


async def test_a_slot_handed_to_a_waiter_who_is_cancelled_in_the_same_turn_goes_on(make: Any, dependency: Any) -> None:
    bulkhead = make(max_concurrent=1)
    waiters: list[asyncio.Task[Any]] = []

    async def hold() -> None:
        await bulkhead.call(dependency(seconds=0.1))
        # The slot is the first waiter's now, who has not run since.
        waiters[0].cancel()

    holder = asyncio.create_task(hold())
    await turn()
    waiters += start(bulkhead, dependency(seconds=0.1), 2)
    first, second = waiters
    await turn()

    await holder
    assert await second == "answer"
    assert first.cancelled()
    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)


async def test_a_slot_is_not_handed_to_a_waiter_whose_cancellation_is_on_its_way(make: Any) -> None:
    """The waiter is cancelled first, and the slot given up before he has run: the next one has it."""
    bulkhead = make(max_concurrent=1)
    waiters: list[asyncio.Task[Any]] = []

    async def holds() -> None:
        await asyncio.sleep(0.1)
        waiters[0].cancel()

    async def quick() -> str:
        return "answer"

    holder = asyncio.create_task(bulkhead.call(holds))
    await turn()
    waiters += start(bulkhead, quick, 2)
    await turn()

    await holder
    assert await waiters[1] == "answer"
    assert waiters[0].cancelled()
    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)


async def test_when_every_waiter_is_being_cancelled_the_slot_is_free(make: Any, dependency: Any) -> None:
    bulkhead = make(max_concurrent=1)
    waiters: list[asyncio.Task[Any]] = []

    async def holds() -> None:
        await asyncio.sleep(0.1)
        for waiter in waiters:
            waiter.cancel()

    holder = asyncio.create_task(bulkhead.call(holds))
    await turn()
    waiters += start(bulkhead, dependency(), 2)
    await turn()

    await holder
    assert bulkhead.in_flight == 0
    assert await bulkhead.call(dependency()) == "answer"
    await asyncio.gather(*waiters, return_exceptions=True)
    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)


async def test_a_waiter_cancelled_in_the_turn_in_which_his_wait_ends_is_cancelled(
    make: Any, dependency: Any, events: list[Event]
) -> None:
    """Whichever comes first in that turn, nobody is handed anything, the queue is empty, and told to be."""
    loop = asyncio.get_running_loop()
    for cancel_first in (True, False):
        bulkhead = make(max_concurrent=1, max_wait_s=0.1)
        holder = asyncio.create_task(bulkhead.call(dependency(seconds=1)))
        await turn()
        begin = loop.time()
        [waiter] = start(bulkhead, dependency(), 1)
        if cancel_first:
            loop.call_at(begin + 0.1, waiter.cancel)
            await turn()
        else:
            await turn()
            loop.call_at(begin + 0.1, waiter.cancel)

        with pytest.raises(asyncio.CancelledError):
            await waiter

        assert (bulkhead.in_flight, bulkhead.waiting) == (1, 0)
        assert events[-1] == BulkheadChanged(LINK, 1, 0)
        await holder
        assert bulkhead.in_flight == 0


async def test_a_wait_whose_time_is_over_in_the_turn_in_which_its_slot_comes_is_served(
    make: Any, dependency: Any
) -> None:
    """The loop is late, as loops are: it finds the slot and the timer at once, in this order."""
    bulkhead = make(max_concurrent=1, max_wait_s=1.0)
    loop: Any = asyncio.get_running_loop()
    loop.call_at(0.5, setattr, loop._virtual, "now", 1.0)

    assert await asyncio.gather(*start(bulkhead, dependency(seconds=0.5), 2)) == ["answer"] * 2
    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)


async def test_it_tells_slots_and_queue(make: Any, dependency: Any, events: list[Event]) -> None:
    bulkhead = make(max_concurrent=1, max_waiting=1)
    tasks = start(bulkhead, dependency(seconds=0.1), 2)
    await turn()
    with pytest.raises(BulkheadFull):
        await bulkhead.call(dependency())
    await asyncio.gather(*tasks)

    assert events == [
        BulkheadChanged(LINK, 1, 0),
        BulkheadChanged(LINK, 1, 1),
        Refused(LINK, "bulkhead", None),
        BulkheadChanged(LINK, 1, 0),
        BulkheadChanged(LINK, 1, 0),
        BulkheadChanged(LINK, 0, 0),
    ]


async def test_nobody_waits_past_the_deadline_of_the_call(make: Any, dependency: Any, clock: Clock) -> None:
    """Half a second later the slot is free, and of no use: the caller has gone by then."""
    bulkhead = make(max_concurrent=1, max_wait_s=1)
    holder = start(bulkhead, dependency(seconds=0.5), 1)[0]
    await turn()
    late = dependency()

    token = deadline_at.set(clock.now() + 0.2)
    with pytest.raises(BulkheadFull, match=r"no slot became free within 0\.2 s"):
        await bulkhead.call(late)
    deadline_at.reset(token)

    assert clock.now() == pytest.approx(0.2)
    assert (late.calls, bulkhead.waiting) == (0, 0)
    await holder


async def test_a_deadline_further_off_than_the_wait_changes_nothing(make: Any, dependency: Any, clock: Clock) -> None:
    bulkhead = make(max_concurrent=1, max_wait_s=0.1)
    holder = start(bulkhead, dependency(seconds=0.5), 1)[0]
    await turn()

    token = deadline_at.set(clock.now() + 0.2)
    with pytest.raises(BulkheadFull, match=r"within 0\.1 s"):
        await bulkhead.call(dependency())
    deadline_at.reset(token)

    assert clock.now() == pytest.approx(0.1)
    await holder


@pytest.mark.parametrize(("guarded", "held"), [(False, 1500), (True, 20)])
async def test_a_dependency_that_hangs_holds_only_its_share(
    make: Any, dependency: Any, *, guarded: bool, held: int
) -> None:
    """50 calls/s into a dependency that hangs for 30 s: rate x time calls are held without it (Little's law)."""
    bulkhead, bank = make(max_concurrent=10, max_waiting=10, max_wait_s=0.1), dependency(seconds=30)
    inside = most = 0

    async def customer(number: int) -> None:
        nonlocal inside, most
        await asyncio.sleep(number / 50)
        inside += 1
        most = max(most, inside)
        try:
            await (bulkhead.call(bank) if guarded else bank())
        except BulkheadFull:
            pass
        finally:
            inside -= 1

    await asyncio.gather(*(customer(number) for number in range(2000)))

    assert most <= held + 1
    assert guarded or most >= held
