"""Inventory: fresh copy, else database, else stale copy, and the profile decides whether the last one counts."""

from collections.abc import Mapping

import pytest

from services.inventory.core import Copy, Inventory, Otherwise, Reserved, Stock


class Table:
    """A stock table that can fail, with or without a fallback around it."""

    def __init__(self, rows: dict[str, int], *, fails: bool = False, fallback: bool = True) -> None:
        self.rows = rows
        self.fails = fails
        self.fallback = fallback
        self.reads = 0

    async def read(self, sku: str, *, otherwise: Otherwise) -> Stock | None:
        self.reads += 1
        if self.fails:
            error = ConnectionError("no database")
            if self.fallback:
                return await otherwise(error)
            raise error
        return Stock(sku, self.rows[sku], stale=False) if sku in self.rows else None

    async def read_all(self) -> Mapping[str, int]:
        return self.rows

    async def reserve(self, order_id: str, sku: str, quantity: int) -> Reserved:
        return "reserved"

    async def release(self, order_id: str) -> None:
        return None


class Cache:
    """Copies in memory; notes what is put."""

    def __init__(self, **copies: Copy) -> None:
        self.copies = copies
        self.put_: list[Mapping[str, int]] = []

    async def get(self, sku: str) -> Copy | None:
        return self.copies.get(sku)

    async def put(self, available: Mapping[str, int]) -> None:
        self.put_.append(available)


async def test_a_fresh_copy_spares_the_database() -> None:
    """A fresh copy is as good as the database, and says so."""
    table = Table({"a": 1})

    assert await Inventory(table, Cache(a=Copy(7, fresh=True))).stock("a") == Stock("a", 7, stale=False)
    assert table.reads == 0


@pytest.mark.parametrize("copies", [{}, {"a": Copy(7, fresh=False)}])
async def test_without_a_fresh_copy_the_database_is_asked_and_copied(copies: dict[str, Copy]) -> None:
    """No copy, or an old one: the database is read and its figure kept."""
    cache = Cache(**copies)

    assert await Inventory(Table({"a": 5}), cache).stock("a") == Stock("a", 5, stale=False)
    assert cache.put_ == [{"a": 5}]


async def test_a_failing_database_is_covered_by_the_old_copy() -> None:
    """The old copy answers, marked stale, and is not made young again."""
    cache = Cache(a=Copy(7, fresh=False))

    assert await Inventory(Table({}, fails=True), cache).stock("a") == Stock("a", 7, stale=True)
    assert cache.put_ == []


async def test_where_no_copy_is_the_failure_is_told() -> None:
    """A fallback with nothing to fall back on lets the error through."""
    with pytest.raises(ConnectionError, match="no database"):
        await Inventory(Table({}, fails=True), Cache()).stock("a")


async def test_without_the_fallback_the_old_copy_does_not_count() -> None:
    """Where the profile has no fallback, a failing database is a failure whatever the cache holds."""
    table = Table({}, fails=True, fallback=False)

    with pytest.raises(ConnectionError, match="no database"):
        await Inventory(table, Cache(a=Copy(7, fresh=False))).stock("a")


async def test_an_unknown_product_is_not_copied() -> None:
    """What does not exist leaves no copy, so that it is seen as soon as it does."""
    cache = Cache()

    assert await Inventory(Table({}), cache).stock("nothing") is None
    assert cache.put_ == []
