"""Stock: read through a cache that keeps a stale copy for bad times, and a decision per order that is never taken back.

A reservation is never given back for its age: a late try of its order would be told "reserved" still. Orders brings
each order to its end, and its reservation with it (services/orders/jobs.py).

Which failures a copy may answer for is decided here; whether that fallback is in force at all is decided by the profile
of the link.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Reserved = Literal["reserved", "short"]


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is of a product. `stale`: from a copy that may be minutes old."""

    sku: str
    available: int
    stale: bool


@dataclass(frozen=True, slots=True)
class Copy:
    """A cached figure. `fresh`: young enough to be as good as the database."""

    available: int
    fresh: bool


Otherwise = Callable[[Exception], Awaitable[Stock | None]]
Source = Literal["copy", "database", "stale", "failed"]
# Is told where the answer to a read came from.
Answered = Callable[[Source], None]


class StockTable(Protocol):
    """The port to the truth."""

    async def read(self, sku: str, *, otherwise: Otherwise) -> Stock | None:
        """Return the stock, None for an unknown product; `otherwise` answers where reading failed."""
        ...

    async def read_all(self) -> Mapping[str, int]:
        """Return what there is of every product."""
        ...

    async def reserve(self, order_id: str, sku: str, quantity: int) -> Reserved:
        """Decide once per order; every repeat gets the first answer, also after a release."""
        ...

    async def release(self, order_id: str) -> None:
        """Give back what the order holds, if anything; it never holds anything again."""
        ...


class StockCache(Protocol):
    """The port to the copies. A cache that fails behaves as an empty one where the profile says so."""

    async def get(self, sku: str) -> Copy | None:
        """Return the copy, if there is one."""
        ...

    async def put(self, available: Mapping[str, int]) -> None:
        """Keep copies, fresh from now on."""
        ...


def _unheard(_source: Source) -> None:
    pass


class Inventory:
    """The service, without web framework and driver."""

    def __init__(self, table: StockTable, cache: StockCache, answered: Answered = _unheard) -> None:
        self._table = table
        self._cache = cache
        self._answered = answered

    async def stock(self, sku: str) -> Stock | None:
        """Return the stock of a product, None for an unknown one: fresh copy, else database, else stale copy."""
        try:
            stock, source = await self._stock(sku)
        except Exception:
            self._answered("failed")
            raise
        self._answered(source)
        return stock

    async def _stock(self, sku: str) -> tuple[Stock | None, Source]:
        copy = await self._cache.get(sku)
        if copy is not None and copy.fresh:
            return Stock(sku, copy.available, stale=False), "copy"

        async def otherwise(error: Exception) -> Stock | None:
            if copy is None:
                raise error
            return Stock(sku, copy.available, stale=True)

        stock = await self._table.read(sku, otherwise=otherwise)
        if stock is not None and not stock.stale:
            await self._cache.put({sku: stock.available})
        return stock, "stale" if stock is not None and stock.stale else "database"

    async def reserve(self, order_id: str, sku: str, quantity: int) -> Reserved:
        """Reserve `quantity` for an order, or find too little; either way once, and every repeat is told the same."""
        return await self._table.reserve(order_id, sku, quantity)

    async def release(self, order_id: str) -> None:
        """Give back what the order holds, if anything."""
        await self._table.release(order_id)
