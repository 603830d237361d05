"""The memory of a process as a store: bounded, the least recently used goes."""

import pytest

from resilience.errors import SettingsError
from resilience.stale_cache_store import Entry, MemoryStore

ONE, TWO, THREE = Entry(1, 0.0, 1.0), Entry(2, 0.0, 1.0), Entry(3, 0.0, 1.0)


async def test_what_was_put_is_got_and_the_last_one_counts() -> None:
    store: MemoryStore[int] = MemoryStore(2)
    assert await store.get("key") is None
    await store.put("key", ONE)
    await store.put("key", TWO)
    assert await store.get("key") is TWO


async def test_the_one_not_used_for_longest_goes() -> None:
    store: MemoryStore[int] = MemoryStore(2)
    await store.put("one", ONE)
    await store.put("two", TWO)
    await store.get("one")
    await store.put("three", THREE)
    assert [await store.get(key) for key in ("one", "two", "three")] == [ONE, None, THREE]


async def test_to_be_put_anew_is_to_be_used() -> None:
    store: MemoryStore[int] = MemoryStore(2)
    await store.put("one", ONE)
    await store.put("two", TWO)
    await store.put("one", THREE)
    await store.put("three", THREE)
    assert [await store.get(key) for key in ("one", "two", "three")] == [THREE, None, THREE]


@pytest.mark.parametrize(
    ("max_entries", "message"), [(0, "MemoryStore.max_entries must be at least 1"), (1.5, "must be a whole number")]
)
async def test_nonsense_is_refused(max_entries: int, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        MemoryStore(max_entries)


async def test_one_is_enough() -> None:
    store: MemoryStore[int] = MemoryStore(1)
    await store.put("one", ONE)
    assert await store.get("one") is ONE
