"""The relay of the outbox on a fake clock: when it looks, what it marks, how it waits, how it ends."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import pytest

from resilience import system_rng
from services.common.errors import DependencyDownError
from services.common.event_metrics import OutboxUse
from services.orders.outbox import Backlog, Row
from services.orders.relay import Relay
from services.orders.relay_core import Pace, PaceSettings, Wait

SETTINGS = PaceSettings()


def pace(settings: PaceSettings = SETTINGS) -> Pace:
    return Pace(settings, system_rng(7))


class TestPace:
    def test_a_full_batch_is_followed_by_the_next_at_once(self) -> None:
        assert pace().after("published", SETTINGS.batch) == Wait(0.0, wakes=False)

    @pytest.mark.parametrize("rows", [0, 1, 99])
    def test_what_is_left_waits_for_a_commit_or_the_poll(self, rows: int) -> None:
        assert pace().after("published", rows) == Wait(0.25, wakes=True)

    def test_a_follower_asks_each_second_and_no_commit_wakes_it(self) -> None:
        assert pace().after("follows", 0) == Wait(1.0, wakes=False)

    def test_waits_for_the_broker_double_up_to_the_longest_and_half_of_each_is_by_lot(self) -> None:
        trying = pace()
        seconds = [trying.after("failed", 0).seconds for _ in range(3_000)]
        for number, most_s in enumerate((0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0)):
            assert most_s / 2 <= seconds[number] <= most_s
        assert max(seconds) <= 2.0
        assert len(set(seconds[10:])) > 100

    def test_after_a_success_the_next_failure_waits_briefly_again(self) -> None:
        trying = pace()
        for _ in range(10):
            trying.after("failed", 0)
        trying.after("published", 1)

        assert trying.after("failed", 0).seconds <= 0.1


class Clock:
    """Time that goes on only where somebody sleeps; `until_s` is when it stands still, and `reached` is told."""

    def __init__(self, until_s: float) -> None:
        self.at_s = 0.0
        self.until_s = until_s
        self.reached = asyncio.Event()
        self.slept: list[float] = []

    def now(self) -> float:
        return self.at_s

    async def sleep(self, delay_s: float) -> None:
        if self.at_s >= self.until_s:
            self.reached.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        self.slept.append(delay_s)
        self.at_s += delay_s


class Outbox:
    """A table in memory; `broken` names a step that fails."""

    def __init__(self, rows: int = 0) -> None:
        self.rows = [Row(number, f"order-{number}", "{}") for number in range(1, rows + 1)]
        self.leader = True
        self.broken: str | None = None
        self.asked: list[str] = []
        self.closed = 0

    def step(self, name: str) -> None:
        self.asked.append(name)
        if self.broken == name:
            raise DependencyDownError("database", name)

    async def leads(self) -> bool:
        self.step("leads")
        return self.leader

    async def next(self, most: int) -> Sequence[Row]:
        self.step("next")
        return self.rows[:most]

    async def mark(self, rows: Sequence[Row]) -> Sequence[float]:
        self.step("mark")
        self.rows = [row for row in self.rows if row not in rows]
        return [0.5] * len(rows)

    async def backlog(self) -> Backlog:
        self.step("backlog")
        return Backlog(len(self.rows), 1.5 if self.rows else 0.0)

    def close(self) -> None:
        self.closed += 1


class Topic:
    """A topic in memory; it fails `away` times."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.batches: list[list[int]] = []

    async def publish(self, rows: Sequence[Row]) -> None:
        if self.away:
            self.away -= 1
            raise DependencyDownError("kafka", "away")
        self.batches.append([row.id for row in rows])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- the relay sets no event for its tests
            await asyncio.sleep(0)


class Bench:
    """A relay on all of these."""

    def __init__(self, outbox: Outbox, topic: Any, *, until_s: float) -> None:
        self.outbox, self.use, self.clock = outbox, OutboxUse(), Clock(until_s)
        self.lines: list[str] = []
        self.relay = Relay(outbox, topic, pace(), self.use, clock=self.clock, tell=self.tell)

    def tell(self, event: str, _values: Mapping[str, Any]) -> None:
        self.lines.append(event)

    async def run(self) -> None:
        self.relay.start()
        async with asyncio.timeout(10):
            await self.clock.reached.wait()
            await self.relay.close(within_s=0)


async def test_everything_is_published_in_its_order_in_batches_and_marked() -> None:
    topic, outbox = Topic(), Outbox(250)
    bench = Bench(outbox, topic, until_s=1)

    await bench.run()

    assert [len(batch) for batch in topic.batches] == [100, 100, 50]
    assert [*chain(*topic.batches)] == list(range(1, 251))
    assert outbox.rows == []
    assert (bench.use.published, sum(bench.use.failed.values()), bench.use.waiting, bench.use.oldest_s) == (
        250,
        0,
        0,
        0.0,
    )
    assert outbox.closed == 1


async def test_an_idle_relay_asks_four_times_a_second_and_counts_once() -> None:
    """What it costs when nothing happens: 4 looks and 1 count."""
    bench = Bench(Outbox(), Topic(), until_s=100)

    await bench.run()

    assert 395 <= bench.outbox.asked.count("next") <= 402
    assert 99 <= bench.outbox.asked.count("backlog") <= 102


async def test_while_the_broker_is_away_it_tries_again_and_nothing_is_marked() -> None:
    topic, outbox = Topic(away=50), Outbox(3)
    bench = Bench(outbox, topic, until_s=60)

    await bench.run()
    assert topic.batches == []
    assert (len(outbox.rows), bench.use.waiting, bench.use.oldest_s) == (3, 3, 1.5)
    assert 30 < sum(bench.use.failed.values()) < 50
    assert bench.lines == ["the relay waits"]


async def test_when_it_is_back_everything_is_published() -> None:
    topic, outbox = Topic(away=20), Outbox(150)
    bench = Bench(outbox, topic, until_s=60)

    await bench.run()

    assert [*chain(*topic.batches)] == list(range(1, 151))
    assert (bench.use.published, sum(bench.use.failed.values())) == (150, 20)
    assert bench.lines == ["the relay waits", "the relay goes on"]


@pytest.mark.parametrize("step", ["leads", "next", "backlog"])
async def test_a_database_that_fails_at_any_step_ends_nothing(step: str) -> None:
    topic, outbox = Topic(), Outbox(5)
    outbox.broken = step
    bench = Bench(outbox, topic, until_s=5)
    bench.relay.start()
    await until(lambda: outbox.asked.count(step) >= 3)
    outbox.broken = None
    async with asyncio.timeout(10):
        await bench.clock.reached.wait()
        await bench.relay.close(within_s=0)

    assert topic.batches == [[1, 2, 3, 4, 5]]


async def test_what_was_sent_and_not_marked_is_sent_again() -> None:
    topic, outbox = Topic(), Outbox(2)
    outbox.broken = "mark"
    bench = Bench(outbox, topic, until_s=1)

    await bench.run()

    assert len(topic.batches) > 1
    assert all(batch == [1, 2] for batch in topic.batches)


async def test_a_follower_publishes_nothing_but_counts() -> None:
    topic, outbox = Topic(), Outbox(2)
    outbox.leader = False
    bench = Bench(outbox, topic, until_s=10)

    await bench.run()

    assert topic.batches == []
    assert bench.use.waiting == 2


async def test_without_a_topic_it_only_counts() -> None:
    bench = Bench(Outbox(2), None, until_s=10)

    await bench.run()

    assert set(bench.outbox.asked) == {"backlog"}
    assert bench.use.waiting == 2


class Held:
    """A clock whose sleeps last for ever, but for the moment in which commits gather."""

    def now(self) -> float:
        return 0.0

    async def sleep(self, delay_s: float) -> None:
        if delay_s != SETTINGS.gather_s:
            await asyncio.Event().wait()


async def test_a_commit_wakes_it() -> None:
    topic, outbox = Topic(), Outbox()
    relay = Relay(outbox, topic, pace(), OutboxUse(), clock=Held(), tell=lambda *_: None)
    relay.start()
    await until(lambda: "next" in outbox.asked)
    outbox.rows = [Row(9, "order-9", "{}")]
    await relay.wake(None)  # type: ignore[arg-type]  # whose event it is does not matter
    await until(lambda: bool(topic.batches))

    await relay.close(within_s=0)
    assert topic.batches == [[9]]


async def test_a_commit_does_not_wake_it_while_the_broker_is_away() -> None:
    """Each order would be an attempt."""
    topic, outbox = Topic(away=100), Outbox(1)
    relay = Relay(outbox, topic, pace(), OutboxUse(), clock=Held(), tell=lambda *_: None)
    relay.start()
    for _ in range(50):
        await relay.wake(None)  # type: ignore[arg-type]
        await asyncio.sleep(0)

    await relay.close(within_s=0)
    assert topic.away == 99


@pytest.mark.parametrize("step", ["leads", "next", "mark", "backlog", "publish"])
async def test_it_is_closed_at_any_step(step: str) -> None:
    """Its task has ended and its outbox is let go of, whatever it waited for."""
    stuck = asyncio.Event()

    async def hang(*_: Any) -> Any:
        stuck.set()
        await asyncio.Event().wait()

    topic, outbox = Topic(), Outbox(1)
    setattr(topic if step == "publish" else outbox, step, hang)
    relay = Relay(outbox, topic, pace(), OutboxUse(), clock=Held(), tell=lambda *_: None)
    before = asyncio.all_tasks()
    relay.start()
    async with asyncio.timeout(10):
        await stuck.wait()
        await relay.close(within_s=0)
        await relay.close(within_s=0)

    assert asyncio.all_tasks() == before
    assert outbox.closed == 1


async def test_a_batch_under_way_may_end_before_the_end() -> None:
    """What is acknowledged within the time is marked, and so not published again after the next start."""
    topic, outbox = Topic(), Outbox(1)
    acknowledged, sent = asyncio.Event(), asyncio.Event()

    async def slow(rows: Sequence[Row]) -> None:
        sent.set()
        await acknowledged.wait()

    topic.publish = slow  # type: ignore[method-assign]
    relay = Relay(outbox, topic, pace(), OutboxUse(), clock=Held(), tell=lambda *_: None)
    relay.start()
    await sent.wait()
    closing = asyncio.create_task(relay.close(within_s=10))
    await asyncio.sleep(0)
    acknowledged.set()
    async with asyncio.timeout(10):
        await closing

    assert outbox.rows == []


async def test_closing_one_that_was_never_started_does_nothing() -> None:
    await Relay(Outbox(), None, pace(), OutboxUse(), clock=Held(), tell=lambda *_: None).close(within_s=0)
