"""Take an order once, whatever the client repeats.

    insert pending, or find by key -> reserve stock -> charge -> settle

Every step decides once and tells every repeat the same: the insert finds the key, reservation and charge are decided
once per order id and never anew, and an order is settled once. So a repeat, also one that runs beside the first, takes
the same way to the same end, whichever of them is ahead at any moment. Nothing has to be locked, and an order left
half-way is finished by the client's next try.

It rests on the ports' promises. Were inventory to decide anew (short for one twin, reserved for the other once somebody
has given a piece back), the first would settle "failed" while the second charges.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

# declined: by the bank. failed: there was not enough in stock.
Final = Literal["confirmed", "declined", "failed"]
Status = Literal["pending", "confirmed", "declined", "failed"]

# There is no catalog of prices yet: every piece costs 10.00.
PRICE_CENTS = 1_000


@dataclass(frozen=True, slots=True)
class Order:
    """One row."""

    id: uuid.UUID
    sku: str
    quantity: int
    amount_cents: int
    status: Status


@dataclass(frozen=True, slots=True)
class Settled:
    """How an order ended, the same for every repeat of its key."""

    order_id: str
    status: Final


class OrderTable(Protocol):
    """The port to the orders."""

    async def begin(self, key: str, new: Order) -> Order:
        """Insert `new`, or return the order that has the key already."""
        ...

    async def settle(self, order_id: uuid.UUID, status: Final) -> Final:
        """Settle unless it is settled, and return how it stands."""
        ...


class Inventory(Protocol):
    """The port to inventory."""

    async def reserve(self, order_id: str, sku: str, quantity: int) -> bool:
        """Decide once per order; False where there was not enough. The answer stays, also after a release."""
        ...

    async def release(self, order_id: str) -> None:
        """Give back what the order holds, if anything; it never holds anything again."""
        ...


class Payments(Protocol):
    """The port to payments."""

    async def charge(self, order_id: str, amount_cents: int) -> bool:
        """Decide once per order; False where it was declined. The answer stays."""
        ...


class KeyReusedError(Exception):
    """A key came back with another product or quantity."""


class Orders:
    """The service, without web framework and driver."""

    def __init__(
        self, table: OrderTable, inventory: Inventory, payments: Payments, new_id: Callable[[], uuid.UUID]
    ) -> None:
        self._table = table
        self._inventory = inventory
        self._payments = payments
        self._new_id = new_id

    async def place(self, key: str, *, sku: str, quantity: int) -> Settled:
        """Place an order, or go on with the one that has the key; raises KeyReusedError."""
        new = Order(self._new_id(), sku, quantity, quantity * PRICE_CENTS, "pending")
        order = await self._table.begin(key, new)
        if (order.sku, order.quantity) != (sku, quantity):
            raise KeyReusedError(key)
        order_id = str(order.id)
        if order.status != "pending":
            return Settled(order_id, order.status)
        if not await self._inventory.reserve(order_id, sku, quantity):
            return Settled(order_id, await self._table.settle(order.id, "failed"))
        # The amount is the row's: a repeat after a change of price must charge what the first did.
        if not await self._payments.charge(order_id, order.amount_cents):
            # Release before settling: if this ends between the two, a repeat is declined again, and releases.
            await self._inventory.release(order_id)
            return Settled(order_id, await self._table.settle(order.id, "declined"))
        return Settled(order_id, await self._table.settle(order.id, "confirmed"))
