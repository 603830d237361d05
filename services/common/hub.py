"""One source, many readers: each has a queue of its own, bounded, and a reader that does not keep up loses its place.

A queue that grows with its slowest reader is a leak with a customer's name on it. A reader that was dropped knows the
last id it has seen, comes back with it, and gets what it missed from the database.
"""

import asyncio
from collections import deque
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class TooSlowError(Exception):
    """The reader was dropped: it left more unread than a queue holds."""


class HubFullError(Exception):
    """There are as many readers as there may be."""


class Feed(Generic[T]):
    """What one reader has not read yet. Belongs to one event loop and one reader."""

    def __init__(self, most_unread: int) -> None:
        self._unread: deque[T] = deque()
        self._most_unread = most_unread
        self._news = asyncio.Event()
        self.dropped = False

    def put(self, item: T) -> None:
        """Hand an item over, or drop the reader and all that it has not read."""
        if self.dropped:
            return
        if len(self._unread) >= self._most_unread:
            self.dropped = True
            self._unread.clear()
        else:
            self._unread.append(item)
        self._news.set()

    async def next(self, *, within_s: float) -> list[T]:
        """Return what came, at once where there is something, else within the time; raises TooSlowError."""
        if not self._unread and not self.dropped:
            try:
                async with asyncio.timeout(within_s):
                    await self._news.wait()
            except TimeoutError:
                return []
        self._news.clear()
        if self.dropped:
            raise TooSlowError
        items = list(self._unread)
        self._unread.clear()
        return items


class Hub(Generic[T]):
    """Hands items to the feeds that are open under their key. `dropped` counts the readers that were too slow."""

    def __init__(self, *, most_feeds: int, most_unread: int) -> None:
        self._most_feeds = most_feeds
        self._most_unread = most_unread
        self._feeds: dict[Hashable, set[Feed[T]]] = {}
        self.open_feeds = 0
        self.dropped = 0

    def open(self, key: Hashable) -> Feed[T]:
        """Return a new feed of a key's items; raises HubFullError. Whoever opens it closes it."""
        if self.open_feeds >= self._most_feeds:
            raise HubFullError
        feed: Feed[T] = Feed(self._most_unread)
        self._feeds.setdefault(key, set()).add(feed)
        self.open_feeds += 1
        return feed

    def close(self, key: Hashable, feed: Feed[T]) -> None:
        """Forget a feed; may be called twice."""
        feeds = self._feeds.get(key, set())
        if feed in feeds:
            feeds.remove(feed)
            self.open_feeds -= 1
            self.dropped += feed.dropped
            if not feeds:
                del self._feeds[key]

    def put(self, key: Hashable, items: Iterable[T]) -> None:
        """Hand items to every feed of a key."""
        for feed in self._feeds.get(key, ()):
            for item in items:
                feed.put(item)
