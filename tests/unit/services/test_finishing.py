"""What must be finished is finished, though the caller's time is up."""

import uuid
from typing import Any

import pytest

from resilience.deadline import deadline_at
from resilience.errors import DeadlineExceeded
from resilience.lookup import link_settings
from services.common.kit import Kit
from services.orders.core import Order, Settled
from services.orders.upstreams import PostgresOrders
from services.payments.upstreams import PostgresCharges

ORDER = Order(uuid.UUID(int=1), "sku-0001", 1, 1_000)


class Rows:
    """A database that answers every statement with the row of a settled order."""

    def __init__(self) -> None:
        self.asked = 0

    async def one(self, _statement: str, *_values: object) -> Any:
        self.asked += 1
        return {"id": ORDER.id, "status": "confirmed"}

    row = one


def late(kit: Kit, table: Any, link: str) -> tuple[Any, Rows]:
    """Return a table of a protected service, for a caller whose time was up a second ago."""
    rows = Rows()
    deadline_at.set(kit.clock.now() - 1)
    return table(rows, kit.pipeline(link, link_settings("protected", link))), rows


async def test_a_late_order_is_not_begun(kit: Kit) -> None:
    orders, rows = late(kit, PostgresOrders, "orders_to_postgres")

    with pytest.raises(DeadlineExceeded):
        await orders.claim("key", "1 sku-0001", ORDER, claimant=uuid.UUID(int=2), lease_s=5.0)

    assert rows.asked == 0


async def test_a_late_order_is_settled_and_its_claim_given_back(kit: Kit) -> None:
    """The money is taken: an order left pending would be found by nobody but the next repeat."""
    orders, rows = late(kit, PostgresOrders, "orders_to_postgres")

    assert await orders.settle("key", Settled(str(ORDER.id), "confirmed")) == Settled(str(ORDER.id), "confirmed")
    await orders.give_back("key", uuid.UUID(int=2))

    assert rows.asked == 2


async def test_a_late_charge_is_written_down(kit: Kit) -> None:
    charges, rows = late(kit, PostgresCharges, "payments_to_postgres")

    assert await charges.settle("key", "charged") == "confirmed"
    await charges.give_back("key", uuid.UUID(int=2))

    assert rows.asked == 2
