"""Counts how questions end, around the core and its cache: where an answer came from is for whoever watches."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from resilience.stale_cache import Cached
from resilience.states import Freshness
from services.catalog.core import Catalog, Copies, Found, Product, Products, Vectors
from services.common.kit import Kit
from services.common.read_metrics import ReadUse, SearchUse, Source

T = TypeVar("T", Found, Found | None)
SOURCES: Mapping[Freshness, Source] = {
    Freshness.FRESH: "copy",
    Freshness.STALE_REFRESHED: "copy",
    Freshness.STALE_ON_ERROR: "stale",
    Freshness.MISS: "database",
}


class CountedCopies:
    """A cache whose answers are counted."""

    def __init__(self, copies: Copies, use: ReadUse) -> None:
        self._copies = copies
        self._use = use

    async def get(self, key: str, load: Callable[[], Awaitable[Product | None]]) -> Cached[Product | None]:
        """Ask the cache, and note where the answer came from."""
        try:
            cached = await self._copies.get(key, load)
        except Exception:
            self._use.answered("failed")
            raise
        self._use.answered(SOURCES[cached.freshness], cached.age_s)
        return cached


class CountedCatalog(Catalog):
    """The service, its reads and searches counted."""

    def __init__(self, products: Products, vectors: Vectors, copies: Copies, kit: Kit) -> None:
        super().__init__(products, vectors, CountedCopies(copies, ReadUse(kit)))
        self._searches = SearchUse(kit)

    async def search(self, text: str, *, most: int) -> Found:
        """Search near a text."""
        return await self._counted(super().search(text, most=most))

    async def similar(self, sku: str, *, most: int) -> Found | None:
        """Search near a product."""
        return await self._counted(super().similar(sku, most=most))

    async def _counted(self, search: Awaitable[T]) -> T:
        try:
            found = await search
        except Exception:
            self._searches.searched("failed")
            raise
        # Of an unknown product nothing was searched.
        if found is not None:
            self._searches.searched(found.by)
        return found
