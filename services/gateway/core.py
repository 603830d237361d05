"""The edge of the shop: what a customer may ask, and how an answer of the services behind is told.

It decides little today; authentication, rate limits and routing have their place here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

# Why a purchase did not come about, though every service did its part.
Refusal = Literal["declined", "out-of-stock", "key-reused"]


@dataclass(frozen=True, slots=True)
class Purchase:
    """A confirmed order."""

    order_id: str


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is of a product. `stale`: from a copy that may be minutes old."""

    sku: str
    available: int
    stale: bool


class Orders(Protocol):
    """The port to orders."""

    async def place(self, key: str, *, sku: str, quantity: int, customer: str) -> Purchase | Refusal:
        """Place an order once per key."""
        ...


class Inventory(Protocol):
    """The port to inventory."""

    async def stock(self, sku: str) -> Stock | None:
        """Return the stock, None for an unknown product."""
        ...

    async def skus(self) -> Sequence[str]:
        """Return the assortment."""
        ...


class Shop:
    """The service, without web framework and client."""

    def __init__(self, orders: Orders, inventory: Inventory) -> None:
        self._orders = orders
        self._inventory = inventory

    async def checkout(self, key: str, *, sku: str, quantity: int, customer: str) -> Purchase | Refusal:
        """Buy once per key."""
        return await self._orders.place(key, sku=sku, quantity=quantity, customer=customer)

    async def stock(self, sku: str) -> Stock | None:
        """Return the stock of a product, None for an unknown one."""
        return await self._inventory.stock(sku)

    async def products(self) -> Sequence[str]:
        """Return what the shop has on offer."""
        return await self._inventory.skus()
