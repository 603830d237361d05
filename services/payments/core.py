"""Charge once by key: write down what is about to be charged, ask the bank under that key, write down what it said.

Each step may be repeated. Whoever comes again with the key goes on where the last one stopped: the row is there
already, the bank knows the key, the row is settled once.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Decision = Literal["charged", "declined"]
Status = Literal["pending", "charged", "declined"]


@dataclass(frozen=True, slots=True)
class Charge:
    """One row: `id` is a UUID."""

    id: uuid.UUID
    order_id: str
    amount_cents: int
    status: Status


class ChargeTable(Protocol):
    """The port to the charge log."""

    async def begin(self, key: str, new: Charge) -> Charge:
        """Insert `new`, or return the charge that has the key already."""
        ...

    async def settle(self, charge_id: uuid.UUID, decision: Decision) -> Decision:
        """Write the decision down unless one stands there, and return the one that stands."""
        ...


class Bank(Protocol):
    """The port to the bank."""

    async def charge(self, key: str, *, order_id: str, amount_cents: int) -> Decision:
        """Charge under a key; a repeat gets the first decision again."""
        ...


class KeyReusedError(Exception):
    """A key came back with another order or amount."""


class Payments:
    """The service, without web framework and driver."""

    def __init__(self, table: ChargeTable, bank: Bank, new_id: Callable[[], uuid.UUID]) -> None:
        self._table = table
        self._bank = bank
        self._new_id = new_id

    async def charge(self, key: str, *, order_id: str, amount_cents: int) -> Decision:
        """Charge once per key and return the decision; raises KeyReusedError."""
        charge = await self._table.begin(key, Charge(self._new_id(), order_id, amount_cents, "pending"))
        if (charge.order_id, charge.amount_cents) != (order_id, amount_cents):
            raise KeyReusedError(key)
        if charge.status != "pending":
            return charge.status
        decision = await self._bank.charge(key, order_id=order_id, amount_cents=amount_cents)
        return await self._table.settle(charge.id, decision)
