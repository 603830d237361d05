"""The consumer and the stream of notifications on fakes: what fails is tried slowly, a stream finds what it missed."""

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from services.common.errors import DependencyDownError
from services.common.event_metrics import ConsumerUse
from services.common.events import MAX_BYTES, OrderConfirmed, dump
from services.common.sse import HEARTBEAT
from services.notifications import stream
from services.notifications.consumer import MOST_TRIES, Consumer
from services.notifications.core import DeadLetter, EventRefusedError, Message, Notification
from services.notifications.inbox import KEPT_BYTES, KEPT_KEY_BYTES, KEPT_REASON, _record
from services.notifications.stream import ALL, Streams

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def event(customer: str = "ann") -> OrderConfirmed:
    return OrderConfirmed(uuid.uuid4(), uuid.uuid4(), customer, "sku-0001", 1, 1000, NOON)


def told(id_: int, of: OrderConfirmed | None = None) -> Notification:
    of = of or event()
    return Notification(id_, of.event_id, of.order_id, of.customer, "text", NOON)


def message(value: bytes | None, offset: int = 0, key: bytes | None = b"k") -> Message:
    return Message("a.orders", 0, offset, key, value)


class FakeClock:
    """Notes each wait, and lets others run meanwhile."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []

    def now(self) -> float:
        return sum(self.waits_s)

    async def sleep(self, delay_s: float) -> None:
        self.waits_s.append(delay_s)
        await asyncio.sleep(0)


class FakeInbox:
    """Gives its batches again after each joining, until they are done."""

    def __init__(self, batches: Sequence[Sequence[Message]]) -> None:
        self.batches = list(batches)
        self.joined = 0
        self.set_asides: list[DeadLetter] = []
        self.offsets: list[Mapping[tuple[str, int], int]] = []
        self.refuses = 0
        self.closed = False
        self.idle = asyncio.Event()

    async def open(self) -> None:
        self.joined += 1

    async def next(self) -> Sequence[Message]:
        if not self.batches:
            self.idle.set()
            await asyncio.Event().wait()
        return self.batches[0]

    async def done(self, offsets: Mapping[tuple[str, int], int]) -> None:
        self.offsets.append(offsets)
        del self.batches[0]

    async def set_aside(self, letters: Sequence[DeadLetter]) -> None:
        if self.refuses:
            self.refuses -= 1
            raise DependencyDownError("kafka", "not taken")
        self.set_asides += letters

    async def close(self) -> None:
        self.closed = True


class FakeBook:
    """Notifications in a list. `refuses` names customers that it never takes, `fails` counts calls that find nobody."""

    def __init__(self) -> None:
        self.written: list[Notification] = []
        self.refuses: set[str] = set()
        self.fails = 0
        self.asked = asyncio.Event()

    async def tell_once(self, events: Sequence[OrderConfirmed]) -> Sequence[Notification]:
        self.asked.set()
        if self.fails:
            self.fails -= 1
            raise DependencyDownError("database", "away")
        if self.refuses & {one.customer for one in events}:
            raise EventRefusedError("no such customer")
        known = {one.event_id for one in self.written}
        fresh = [told(len(self.written) + at, one) for at, one in enumerate(events, 1) if one.event_id not in known]
        self.written += fresh
        return fresh

    async def since(self, after: int, *, most: int) -> Sequence[Notification]:
        if self.fails:
            self.fails -= 1
            raise DependencyDownError("database", "away")
        return [one for one in self.written if one.id > after][:most]

    async def newest(self) -> int:
        return self.written[-1].id if self.written else 0

    async def tell(self, event: OrderConfirmed) -> Notification:
        return (await self.tell_once([event]))[0]

    async def of_customer(self, customer: str, *, after: int, most: int) -> Sequence[Notification]:
        raise NotImplementedError


async def consumed(inbox: FakeInbox, book: FakeBook, clock: FakeClock) -> ConsumerUse:
    """Run a consumer until its inbox is empty, and close it."""
    use = ConsumerUse()
    consumer = Consumer(inbox, book, "once", lambda _: None, use, clock=clock, tell=lambda *_: None)
    consumer.start()
    async with asyncio.timeout(10):
        await inbox.idle.wait()
    assert use.joined
    await consumer.close()
    assert inbox.closed
    assert not use.joined
    return use


async def test_a_batch_that_fails_after_each_joining_is_tried_ever_more_slowly() -> None:
    """To join is no progress: only what was let go of makes the next wait short again."""
    inbox, clock = FakeInbox([[message(b"no json")]]), FakeClock()
    inbox.refuses = 6
    use = await consumed(inbox, FakeBook(), clock)
    assert clock.waits_s == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0]
    assert (inbox.joined, len(inbox.set_asides), sum(use.set_aside.values())) == (7, 1, 1)


async def test_an_event_that_the_database_refuses_is_set_aside_alone() -> None:
    book = FakeBook()
    book.refuses = {"eve"}
    events = [event("ann"), event("eve"), event("bob")]
    inbox = FakeInbox([[message(dump(one).encode(), at) for at, one in enumerate(events)]])
    use = await consumed(inbox, book, FakeClock())
    assert [one.customer for one in book.written] == ["ann", "bob"]
    (letter,) = inbox.set_asides
    assert letter.reason == f"refused {MOST_TRIES} times: no such customer"
    assert letter.message.offset == 1
    assert inbox.offsets == [{("a.orders", 0): 3}]
    assert (use.consumed, sum(use.set_aside.values())) == (3, 1)


async def test_a_database_that_is_away_sets_nothing_aside() -> None:
    book, clock = FakeBook(), FakeClock()
    book.fails = 7
    inbox = FakeInbox([[message(dump(event()).encode())]])
    await consumed(inbox, book, clock)
    assert len(book.written) == 1
    assert not inbox.set_asides
    assert clock.waits_s == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


async def test_a_consumer_that_is_closed_in_the_middle_lets_go_of_nothing() -> None:
    """Its message comes again after the next start."""
    inbox, book = FakeInbox([[message(dump(event()).encode())]]), FakeBook()
    book.fails = 10**9
    consumer = Consumer(inbox, book, "once", lambda _: None, ConsumerUse(), clock=FakeClock(), tell=lambda *_: None)
    consumer.start()
    async with asyncio.timeout(10):
        await book.asked.wait()
    await consumer.close()
    assert inbox.closed
    assert not inbox.offsets


def test_a_dead_letter_keeps_the_beginning_of_what_is_too_large() -> None:
    """Whole, it would not go into the topic, and would hold its partition for ever."""
    large = _record(DeadLetter(message(b"x" * 900_000, 7, key=b"k" * 5000), "r" * 5000))
    headers = dict(large.headers)
    assert large.value == b"x" * KEPT_BYTES
    assert large.key == b"k" * KEPT_KEY_BYTES
    assert headers["value_bytes"] == b"900000"
    assert headers["key_bytes"] == b"5000"
    assert headers["reason"] == b"r" * KEPT_REASON
    whole = _record(DeadLetter(message(b"x" * (MAX_BYTES + 1), 7), "too large"))
    assert (whole.key, whole.value) == (b"k", b"x" * (MAX_BYTES + 1))
    assert dict(whole.headers) == {"reason": b"too large", "topic": b"a.orders", "partition": b"0", "offset": b"7"}
    assert _record(DeadLetter(message(None), "empty")).value is None
    assert _record(DeadLetter(message(None, key=None), "empty")).value == b""


async def heard(chunks: Any, number: int) -> list[int]:
    """Return the ids of the next so many notifications of a stream."""
    found: list[int] = []
    async with asyncio.timeout(10):
        while len(found) < number:
            lines = (await anext(chunks)).decode().splitlines()
            found += [json.loads(line[6:])["id"] for line in lines if line.startswith("data: {")]
    return found


async def test_a_stream_finds_what_was_written_and_never_put() -> None:
    """The answer to a statement was lost: 2 and 3 are in the database, and nobody put them into the feed."""
    book = FakeBook()
    book.written = [told(1)]
    streams = Streams(book)
    opened = await streams.open(None)
    book.written += [told(2), told(3), told(4), told(9)]
    streams.hub.put(ALL, book.written[3:4])
    assert await heard(opened.chunks, 4) == [2, 3, 4, 9]
    streams.hub.put(ALL, book.written[4:])
    book.written.append(told(10))
    streams.hub.put(ALL, book.written[5:])
    assert await heard(opened.chunks, 1) == [10]
    streams.close(opened, stuck=False)


async def test_a_silent_stream_looks_whether_something_was_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.01)
    book = FakeBook()
    streams = Streams(book)
    opened = await streams.open(None)
    await anext(opened.chunks)
    book.fails = 1
    # A database that is away is no reason to end a silent stream.
    assert await anext(opened.chunks) == HEARTBEAT
    book.written = [told(1)]
    assert await heard(opened.chunks, 1) == [1]
    assert await anext(opened.chunks) == HEARTBEAT


async def test_a_stream_that_cannot_look_what_is_between_ends() -> None:
    """Its reader comes back with the last id and misses nothing; to go on would leave 1 out for ever."""
    book = FakeBook()
    streams = Streams(book)
    opened = await streams.open(None)
    await anext(opened.chunks)
    book.written = [told(1), told(2)]
    book.fails = 1
    streams.hub.put(ALL, book.written[1:])
    with pytest.raises(StopAsyncIteration):
        await anext(opened.chunks)
