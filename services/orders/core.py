"""Take an order once, whatever the client repeats.

    claim the key and insert the order -> reserve stock -> charge -> settle

A repeat is answered with the first result, or waits for it; one whose first try failed or died goes on with the same
order, under the same id and at the same price (`resilience.idempotency`).

That saves work and gives a clean answer, but nothing rests on it: a claim is a lease, so two tries of one key may be
under way at once. Every step decides once and tells every repeat the same: reservation and charge are decided once per
order id and never anew, and an order is settled once. So both take the same way to the same end, whichever of them is
ahead at any moment, and nothing has to be locked.

It rests on the ports' promises. Were inventory to decide anew (short for one twin, reserved for the other once somebody
has given a piece back), the first would settle "failed" while the second charges.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from resilience.idempotency import Idempotency, IdempotencySettings, KeyStore
from services.common.events import OrderConfirmed
from services.common.fields import GUEST

# declined: by the bank. failed: there was not enough in stock.
Final = Literal["confirmed", "declined", "failed"]

# There is no catalog of prices yet: every piece costs 10.00.
PRICE_CENTS = 1_000

# A checkout takes 0.2 s, and 4.9 s at the very worst of `protected` (its two statements 0.6 s each, inventory 1.0 s to
# reserve and to release, payments 1.7 s): a lease of 5 s ends under nobody who works there. A twin waits 1 s, as long
# as five usual checkouts, and is answered within the gateway's 2 s; its looks, after 20 ms and then each twice as late,
# are six.
ONCE = IdempotencySettings(lease_s=5.0, wait_s=1.0, poll_s=0.02)


@dataclass(frozen=True, slots=True)
class Order:
    """What is ordered, as the first try of its key wrote it down."""

    id: uuid.UUID
    sku: str
    quantity: int
    amount_cents: int
    customer: str = GUEST


@dataclass(frozen=True, slots=True)
class Settled:
    """How an order ended, the same for every repeat of its key.

    `event` is what the world is told of it, by the one try that settles it, in the same statement.
    """

    order_id: str
    status: Final
    event: OrderConfirmed | None = field(default=None, compare=False, repr=False)


# The port to the orders, one row a key. Whoever settles one as confirmed writes its event into the outbox.
OrderTable = KeyStore[Order, Settled]


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


class Orders:
    """The service, without web framework and driver."""

    def __init__(
        self,
        once: Idempotency[Order, Settled],
        inventory: Inventory,
        payments: Payments,
        new_id: Callable[[], uuid.UUID],
        now: Callable[[], datetime],
    ) -> None:
        self._once = once
        self._inventory = inventory
        self._payments = payments
        self._new_id = new_id
        self._now = now

    async def place(self, key: str, *, sku: str, quantity: int, customer: str = GUEST) -> Settled:
        """Place an order, or tell how the one that has the key ended; raises KeyReused and InProgress."""
        new = Order(self._new_id(), sku, quantity, quantity * PRICE_CENTS, customer)
        return await self._once.run(key, f"{quantity} {sku} {customer}", new, self._carry_out)

    async def _carry_out(self, order: Order) -> Settled:
        """Take the steps; all that they need is in the order, so that a second try takes the same."""
        order_id = str(order.id)
        if not await self._inventory.reserve(order_id, order.sku, order.quantity):
            return Settled(order_id, "failed")
        # The amount is the row's: a repeat after a change of price must charge what the first did.
        if await self._payments.charge(order_id, order.amount_cents):
            return Settled(order_id, "confirmed", self._event(order))
        # Release before settling: if this ends between the two, a repeat is declined again, and releases.
        await self._inventory.release(order_id)
        return Settled(order_id, "declined")

    def _event(self, order: Order) -> OrderConfirmed:
        return OrderConfirmed(
            event_id=self._new_id(),
            order_id=order.id,
            customer=order.customer,
            sku=order.sku,
            quantity=order.quantity,
            amount_cents=order.amount_cents,
            occurred_at=self._now(),
        )
