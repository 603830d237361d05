"""Reads are counted by where the answer came from, searches by how they were answered, and copies' ages where known."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from resilience.stale_cache import Cached
from resilience.states import Freshness
from services.catalog.copies import KEPT_S, SETTINGS
from services.catalog.core import Product
from services.catalog.counting import CountedCatalog
from services.common.errors import DependencyDownError
from services.common.metrics import READ_COPY_AGE, READS_TOTAL, SEARCHES_TOTAL
from services.common.read_metrics import AGE_BUCKETS_S, SOURCES, WAYS
from services.inventory.core import Copy, Inventory, Source
from tests.unit.services.test_catalog_core import ALL, Points, Table
from tests.unit.services.test_inventory_core import Cache
from tests.unit.services.test_inventory_core import Table as StockTable

CHAIR = ALL["a-1"]
DOWN = DependencyDownError("database", "away")


def value(kit: Any, name: str, **labels: str) -> float | None:
    found: float | None = kit.registry.get_sample_value(name, {"service": "gateway", "arm": "test-arm", **labels})
    return found


class Copies:
    """Answers as it is told, or loads."""

    def __init__(self, freshness: Freshness, age_s: float | None = None) -> None:
        self.cached: Cached[Product | None] = Cached(CHAIR, freshness, age_s)

    async def get(self, key: str, load: Callable[[], Awaitable[Product | None]]) -> Cached[Product | None]:
        del key
        return Cached(await load(), Freshness.MISS) if self.cached.freshness is Freshness.MISS else self.cached


class Broken(Table):
    """A table that is away."""

    async def read(self, sku: str) -> Product | None:
        raise DOWN

    async def named(self, skus: Any) -> Any:
        raise DOWN


@pytest.mark.parametrize(
    ("freshness", "source"),
    [
        (Freshness.FRESH, "copy"), (Freshness.STALE_REFRESHED, "copy"),
        (Freshness.STALE_ON_ERROR, "stale"), (Freshness.MISS, "database"),
    ],
)  # fmt: skip
async def test_a_read_is_counted_by_where_its_answer_came_from(kit: Any, freshness: Freshness, source: str) -> None:
    catalog = CountedCatalog(Table(), Points(), Copies(freshness), kit)
    assert {value(kit, READS_TOTAL, source=one) for one in SOURCES} == {0.0}

    await catalog.product("a-1")

    counted = {one: value(kit, READS_TOTAL, source=one) for one in SOURCES}
    assert counted == dict.fromkeys(SOURCES, 0.0) | {source: 1.0}


async def test_a_read_that_nothing_helps_is_counted_and_raised(kit: Any) -> None:
    with pytest.raises(DependencyDownError):
        await CountedCatalog(Broken(), Points(), Copies(Freshness.MISS), kit).product("a-1")

    assert value(kit, READS_TOTAL, source="failed") == 1.0


async def test_the_age_of_a_copy_is_counted_where_it_is_known(kit: Any) -> None:
    catalog = CountedCatalog(Table(), Points(), Copies(Freshness.STALE_ON_ERROR, 25.0), kit)
    await catalog.product("a-1")

    assert (value(kit, f"{READ_COPY_AGE}_count"), value(kit, f"{READ_COPY_AGE}_sum")) == (1.0, 25.0)


def test_a_fresh_copy_never_looks_older_than_it_may_be() -> None:
    """A quantile lies within a bucket: none may reach over the end of a copy's freshness."""
    assert SETTINGS.fresh_s in AGE_BUCKETS_S
    assert max(AGE_BUCKETS_S) >= KEPT_S


async def test_no_age_is_counted_where_nobody_knows_it(kit: Any) -> None:
    await CountedCatalog(Table(), Points(), Copies(Freshness.FRESH), kit).product("a-1")

    assert value(kit, f"{READ_COPY_AGE}_count") == 0.0


async def test_a_search_is_counted_by_how_it_was_answered(kit: Any) -> None:
    points = Points(["a-1"])
    table = Table()
    catalog = CountedCatalog(table, points, Copies(Freshness.FRESH), kit)

    await catalog.search("oak", most=5)
    points.fails = True
    await catalog.similar("a-1", most=5)
    points.fallback = False
    with pytest.raises(DependencyDownError):
        await catalog.search("oak", most=5)

    assert {way: value(kit, SEARCHES_TOTAL, by=way) for way in WAYS} == dict.fromkeys(WAYS, 1.0)


async def test_a_search_whose_products_cannot_be_read_has_failed(kit: Any) -> None:
    """The points were asked in vain."""
    with pytest.raises(DependencyDownError):
        await CountedCatalog(Broken(), Points(["a-1"]), Copies(Freshness.FRESH), kit).search("oak", most=5)

    assert value(kit, SEARCHES_TOTAL, by="failed") == 1.0
    assert value(kit, SEARCHES_TOTAL, by="vector") == 0.0


@pytest.mark.parametrize(
    ("table", "cache", "source"),
    [
        (StockTable({"a": 1}), Cache(a=Copy(7, fresh=True)), "copy"),
        (StockTable({"a": 1}), Cache(), "database"),
        (StockTable({}), Cache(), "database"),
        (StockTable({}, fails=True), Cache(a=Copy(7, fresh=False)), "stale"),
    ],
)
async def test_inventory_says_where_its_stock_came_from(table: StockTable, cache: Cache, source: Source) -> None:
    heard: list[Source] = []
    await Inventory(table, cache, heard.append).stock("a")

    assert heard == [source]


async def test_inventory_says_where_nothing_helped() -> None:
    heard: list[Source] = []
    with pytest.raises(ConnectionError):
        await Inventory(StockTable({}, fails=True), Cache(), heard.append).stock("a")

    assert heard == ["failed"]
