"""Where a cache keeps its copies: the protocol, and the memory of this process as the simplest one."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from resilience.bounds import require_whole

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A copy: stored at `stored_at` (seconds on the cache's clock), its loading took `cost_s`. None is a value."""

    value: T
    stored_at: float
    cost_s: float


class Store(Protocol[T]):
    """Where copies lie. What it raises counts, by the cache's `failures`, as having no copy and keeping none."""

    async def get(self, key: str) -> Entry[T] | None:
        """Return the copy, or None."""
        ...

    async def put(self, key: str, entry: Entry[T]) -> None:
        """Keep a copy in place of the last one, for at least fresh_s + stale_s + error_s if there is room."""
        ...


class MemoryStore(Generic[T]):
    """Keeps the `max_entries` (at least 1) copies that were used last, in this process. Raises SettingsError."""

    def __init__(self, max_entries: int) -> None:
        self.max_entries = max_entries
        require_whole(self, "max_entries", at_least=1)
        self._entries: OrderedDict[str, Entry[T]] = OrderedDict()

    async def get(self, key: str) -> Entry[T] | None:
        """Return the copy, or None; it is now the one used last."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    async def put(self, key: str, entry: Entry[T]) -> None:
        """Keep a copy; where there are too many, the one that was not used for longest goes."""
        self._entries[key] = entry
        self._entries.move_to_end(key)
        if len(self._entries) > self.max_entries:
            self._entries.popitem(last=False)
