"""The stream of all notifications, for gateways: from an id on, without a gap and without a repeat."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from resilience import Rejected
from services.common.errors import DependencyError
from services.common.hub import Feed, Hub, TooSlowError
from services.common.sse import HEARTBEAT, event
from services.notifications.core import Book, Notification
from services.notifications.schemas import as_json

# For gateways: one stream each.
MOST_STREAMS = 64
MOST_UNREAD = 2_000
HEARTBEAT_S = 5.0
# A gateway that takes nothing for this long is not there.
SEND_S = 10.0
PAGE = 500
# The feed of everything.
ALL = "all"


@dataclass(frozen=True, slots=True)
class Stream:
    """One open stream; whoever opened it closes it."""

    chunks: AsyncGenerator[bytes]
    feed: Feed[Notification]


class Streams:
    """Opens streams. The consumer puts what it has written into `hub`, in the order of the ids."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.hub: Hub[Notification] = Hub(most_feeds=MOST_STREAMS, most_unread=MOST_UNREAD)

    async def open(self, after: int | None) -> Stream:
        """Return a stream after an id, or from now on; raises HubFullError and what the book raises.

        It listens before it looks: what is written meanwhile is in the feed, and what is in both is left out once.
        """
        feed = self.hub.open(ALL)
        try:
            last = await self._book.newest() if after is None else after
            missed = [] if after is None else await self._book.since(last, most=PAGE)
        except BaseException:
            self.hub.close(ALL, feed)
            raise
        return Stream(self._chunks(feed, last, list(missed)), feed)

    def close(self, stream: Stream, *, stuck: bool) -> None:
        """End a stream, which counts as dropped where its reader is `stuck`; may be called twice."""
        stream.feed.dropped |= stuck
        self.hub.close(ALL, stream.feed)

    async def _chunks(self, feed: Feed[Notification], last: int, missed: list[Notification]) -> AsyncGenerator[bytes]:
        # Tells where the stream begins, so that a reader can come back to it even before anything has come.
        yield f"id: {last}\nevent: at\ndata: {last}\n\n".encode()
        try:
            while True:
                while missed:
                    yield b"".join(_told(one) for one in missed)
                    last = missed[-1].id
                    missed = list(await self._book.since(last, most=PAGE)) if len(missed) == PAGE else []
                news = [one for one in await feed.next(within_s=HEARTBEAT_S) if one.id > last]
                if news and news[-1].id - last == len(news):
                    last = news[-1].id
                    yield b"".join(_told(one) for one in news)
                    continue
                missed = await self._between(last, needed=bool(news))
                if not missed:
                    yield HEARTBEAT
        except (TooSlowError, DependencyError, Rejected):
            # The end of the answer tells the reader to come back with its last id.
            return

    async def _between(self, last: int, *, needed: bool) -> list[Notification]:
        """Return what the feed may have left out; raises what the book raises, where it is `needed` to go on.

        A statement that was done although its answer was lost has written what nobody put into the feed: an id is
        missing, or nothing comes at all.
        """
        try:
            return list(await self._book.since(last, most=PAGE))
        except (DependencyError, Rejected):
            if needed:
                raise
            return []


def _told(notification: Notification) -> bytes:
    return event(notification.id, json.dumps(as_json(notification), separators=(",", ":")))
