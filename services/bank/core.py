"""A third party that nobody here controls: it takes its time, has a capacity, may decline, and never charges twice.

Its memory is its only store, as a test double's is; the lab's ledger reads it to learn what was really taken.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from resilience import Clock, KeyReused

Decision = Literal["charged", "declined"]

# The limit of every customer's card. At 10.00 apiece, more than 500 pieces are declined.
CARD_LIMIT_CENTS = 500_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What the bank holds for one key. `count` says how often money was really taken."""

    key: str
    order_id: str
    count: int


@dataclass(slots=True)
class _Entry:
    order_id: str
    amount_cents: int
    decision: Decision | None = None
    count: int = 0
    deciding: asyncio.Lock = field(default_factory=asyncio.Lock)


class Bank:
    """`slots` charges at once, each `latency_s` long; the rest waits in a queue without bound, first come first."""

    def __init__(self, clock: Clock, *, latency_s: float, slots: int) -> None:
        self._clock = clock
        self._latency_s = latency_s
        self._slots = asyncio.Semaphore(slots)
        self._entries: dict[str, _Entry] = {}

    async def charge(self, key: str, *, order_id: str, amount_cents: int) -> Decision:
        """Charge once per key and return the decision, the same for every repeat; raises KeyReused."""
        entry = self._entries.setdefault(key, _Entry(order_id, amount_cents))
        if (entry.order_id, entry.amount_cents) != (order_id, amount_cents):
            raise KeyReused("payments_to_bank")
        # A repeat that comes while the first is under way waits for its decision, without a slot of its own.
        async with entry.deciding:
            if entry.decision is None:
                async with self._slots:
                    await self._clock.sleep(self._latency_s)
                    entry.decision = "declined" if amount_cents > CARD_LIMIT_CENTS else "charged"
                    entry.count += entry.decision == "charged"
            return entry.decision

    def taken(self) -> list[Taken]:
        """Return every key that money was taken for, in the order of arrival."""
        return [Taken(key, entry.order_id, entry.count) for key, entry in self._entries.items() if entry.count]
