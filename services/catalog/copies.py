"""How copies of products are kept: with everything that a cache can know, or as most begin.

`plain` is cache-aside: look, and where nothing is there, load and keep. When a copy that many read runs out, all of
them load it at once; and when the database is away, a copy that has just run out helps nobody.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Protocol

from resilience import SystemClock
from resilience.stale_cache import Cached, StaleCacheSettings
from resilience.stale_cache_store import Entry
from resilience.states import Freshness
from services.catalog.core import Product

# A price may be so old; a shop whose database is away shows those of ten minutes ago. XFetch: as its paper has it.
SETTINGS = StaleCacheSettings(fresh_s=10.0, stale_s=0.0, error_s=600.0, xfetch_beta=1.0, refresh_timeout_s=2.0)
KEPT_S = 620

Load = Callable[[], Awaitable[Product | None]]


class Shelf(Protocol):
    """Where bytes lie for a while; raises DependencyError or Rejected, unless the profile makes that an empty shelf."""

    async def get(self, key: str) -> bytes | None:
        """Return what lies there."""
        ...

    async def put(self, key: str, value: bytes, *, kept_s: int) -> None:
        """Lay something there, for so many seconds."""
        ...


class Entries:
    """A store of the policy, on a shelf that other processes and later ones use, by the wall's clock."""

    def __init__(self, shelf: Shelf, clock: SystemClock) -> None:
        self._shelf, self._clock = shelf, clock

    async def get(self, key: str) -> Entry[Product | None] | None:
        """Return the copy, its time on this process's clock."""
        text = await self._shelf.get(_name(key))
        if text is None:
            return None
        try:
            kept = json.loads(text)
            age_s = self._clock.wall() - kept["stored_at"]
            return Entry(_product(kept["product"]), self._clock.now() - age_s, float(kept["cost_s"]))
        except (ValueError, KeyError, TypeError):
            # Written by another version, or nobody of ours: it is loaded anew, and written over.
            return None

    async def put(self, key: str, entry: Entry[Product | None]) -> None:
        """Keep a copy."""
        age_s = self._clock.now() - entry.stored_at
        kept = {"product": _fields(entry.value), "stored_at": self._clock.wall() - age_s, "cost_s": entry.cost_s}
        await self._shelf.put(_name(key), json.dumps(kept).encode(), kept_s=KEPT_S)


class PlainCopies:
    """Cache-aside, with the same time for a copy."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def get(self, key: str, load: Load) -> Cached[Product | None]:
        """Return the copy, or load and keep it."""
        text = await self._shelf.get(_name(key))
        if text is not None:
            return Cached(_product(json.loads(text)["product"]), Freshness.FRESH)
        product = await load()
        kept = json.dumps({"product": _fields(product)}).encode()
        await self._shelf.put(_name(key), kept, kept_s=int(SETTINGS.fresh_s))
        return Cached(product, Freshness.MISS)


def _name(key: str) -> str:
    return f"product:{key}"


def _fields(product: Product | None) -> dict[str, object] | None:
    return None if product is None else asdict(product)


def _product(fields: dict[str, Any] | None) -> Product | None:
    return None if fields is None else Product(**fields)
