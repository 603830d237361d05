"""What customers hear while it happens: one stream from notifications, handed on to each customer who listens.

One stream a process, however many customers: two thousand listeners are two thousand queues, and one connection behind.
It begins with the first of them. When it breaks it is opened again after the last id that it brought, and a customer
who comes back says the last id that they saw, so nothing is missed and nothing comes twice on either way.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from resilience import Clock, Rejected
from services.common.errors import DependencyDownError, DependencyError
from services.common.hub import Feed, Hub, TooSlowError

Kind = Literal["sse", "websocket"]
KINDS = ("sse", "websocket")
MOST_STREAMS = 5_000
# A customer who leaves more than this unread is dropped, and comes back with the last id that they saw.
MOST_UNREAD = 256
HEARTBEAT_S = 15.0
PAGE = 200
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 2.0
# A customer does not wait longer for the first stream to stand.
STANDS_WITHIN_S = 2.0


class UnknownIdError(Exception):
    """A customer names an id as the last that they saw, and it was never given to one of their notifications."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one customer is told; `data` is its JSON on one line."""

    id: int
    customer: str
    data: str


class Notifications(Protocol):
    """The port to notifications."""

    async def listed(self, customer: str, *, after: int, most: int) -> Sequence[Mapping[str, Any]]:
        """Return a customer's notifications with larger ids, the oldest first; raises DependencyError, Rejected."""
        ...

    def streamed(self, after: int | None) -> AsyncGenerator[Notice | int]:
        """Yield where the stream begins, an id, and then what everybody is told; raises DependencyError."""
        ...


@dataclass(slots=True)
class Stream:
    """One customer who listens; whoever opened it closes it."""

    kind: Kind
    customer: str
    feed: Feed[Notice]
    chunks: AsyncGenerator[list[Notice]]
    closed: bool = False


class Streams:
    """Owns the one stream from notifications; close() belongs to the lifespan of the process."""

    def __init__(
        self, notifications: Notifications, *, clock: Clock, tell: Callable[[str, Mapping[str, Any]], None]
    ) -> None:
        self._notifications = notifications
        self._clock = clock
        self._tell = tell
        self._hub: Hub[Notice] = Hub(most_feeds=MOST_STREAMS, most_unread=MOST_UNREAD)
        self._stands = asyncio.Event()
        self._last: int | None = None
        self._task: asyncio.Task[None] | None = None
        self.opened: dict[str, int] = dict.fromkeys(KINDS, 0)
        self.dropped: dict[str, int] = dict.fromkeys(KINDS, 0)

    async def listed(self, customer: str, *, after: int, most: int) -> Sequence[Mapping[str, Any]]:
        """Return what a customer was told; raises DependencyError, Rejected."""
        return await self._notifications.listed(customer, after=after, most=most)

    async def open(self, kind: Kind, customer: str, *, after: int | None) -> Stream:
        """Return a customer's stream after an id, or from now on.

        Each of its chunks is a list of notices, empty where only a heartbeat is due. Raises HubFullError,
        UnknownIdError, DependencyError and Rejected.
        """
        await self._begin()
        # It listens before it looks: what comes meanwhile is in the feed, and what is in both is left out once.
        feed = self._hub.open(customer)
        try:
            if after is not None:
                await self._check(customer, after)
            missed = [] if after is None else await self._missed(customer, after)
        except BaseException:
            self._hub.close(customer, feed)
            raise
        self.opened[kind] += 1
        return Stream(kind, customer, feed, self._chunks(customer, feed, after or 0, missed))

    def close(self, stream: Stream, *, stuck: bool) -> None:
        """End a stream, which counts as dropped where its customer is `stuck`; may be called twice."""
        if not stream.closed:
            stream.feed.dropped |= stuck
            stream.closed = True
            self.opened[stream.kind] -= 1
            self.dropped[stream.kind] += stream.feed.dropped
            self._hub.close(stream.customer, stream.feed)

    async def end(self) -> None:
        """Let go of the stream from notifications."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _begin(self) -> None:
        """Open the one stream, unless it was; raises DependencyDownError where it has never stood.

        Before it has, nobody knows after which id to ask again, and a customer could miss something.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="stream from notifications")
        try:
            async with asyncio.timeout(STANDS_WITHIN_S):
                await self._stands.wait()
        except TimeoutError:
            raise DependencyDownError("notifications", "no stream from it") from None

    async def _run(self) -> None:
        """Hand on what comes; after a failure come back with the last id, for as long as the process lives."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                async for notice in self._notifications.streamed(self._last):
                    if isinstance(notice, int):
                        wait_s = FIRST_WAIT_S
                        self._last = notice if self._last is None else self._last
                        self._stands.set()
                    elif self._last is None or notice.id > self._last:
                        self._last = notice.id
                        self._hub.put(notice.customer, [notice])
            except Exception as error:  # noqa: BLE001 - a task that ends would leave every customer in silence
                self._tell("the stream from notifications is broken", {"error": str(error) or type(error).__name__})
            await self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _check(self, customer: str, after: int) -> None:
        """Raise UnknownIdError for an id ahead of all: its customer would hear nothing until ids have come that far."""
        if self._last is not None and after > self._last:
            found = await self._notifications.listed(customer, after=after - 1, most=1)
            if not found or found[0]["id"] != after:
                raise UnknownIdError

    async def _missed(self, customer: str, after: int) -> list[Notice]:
        found = await self._notifications.listed(customer, after=after, most=PAGE)
        return [Notice(one["id"], customer, json.dumps(one, separators=(",", ":"))) for one in found]

    async def _chunks(
        self, customer: str, feed: Feed[Notice], last: int, missed: list[Notice]
    ) -> AsyncGenerator[list[Notice]]:
        # At once, so that the customer knows that they are listening.
        yield []
        try:
            while missed:
                yield missed
                last = missed[-1].id
                missed = await self._missed(customer, last) if len(missed) == PAGE else []
            while True:
                news = [one for one in await feed.next(within_s=HEARTBEAT_S) if one.id > last]
                last = news[-1].id if news else last
                yield news
        except (TooSlowError, DependencyError, Rejected):
            # The end of the stream tells the customer to come back with the last id that they saw.
            return
