"""A store of idempotency keys in memory, as slow and as broken as a test needs it."""

import uuid
from dataclasses import dataclass, replace
from typing import Any

from resilience.clock import Clock
from resilience.idempotency import Claim


@dataclass
class Row:
    """What a store keeps of a key."""

    fingerprint: str
    record: Any
    claimant: uuid.UUID | None
    until: float
    results: list[Any]


class Keys:
    """A KeyStore in memory. Each step takes `seconds`, with its effect in the middle; `broken` names one that fails."""

    def __init__(self, clock: Clock, *, seconds: float = 0.0) -> None:
        self.clock = clock
        self.seconds = seconds
        self.rows: dict[str, Row] = {}
        self.asked: list[str] = []
        self.broken: set[str] = set()

    async def step(self, name: str) -> None:
        self.asked.append(name)
        if self.seconds:
            await self.clock.sleep(self.seconds / 2)
        if name in self.broken:
            raise ConnectionError(name)

    async def answer(self) -> None:
        if self.seconds:
            await self.clock.sleep(self.seconds / 2)

    async def claim(
        self, key: str, fingerprint: str, new: Any, *, claimant: uuid.UUID, lease_s: float
    ) -> Claim[Any, Any]:
        await self.step("claim")
        now = self.clock.now()
        row = self.rows.get(key)
        fresh = row is None
        row = self.rows.setdefault(key, Row(fingerprint, new, None, now, []))
        free = (
            not row.results
            and row.fingerprint == fingerprint
            and (row.claimant in (None, claimant) or row.until <= now)
        )
        if free:
            row.claimant, row.until = claimant, now + lease_s
        found = replace(row, results=list(row.results))
        await self.answer()
        if found.results:
            return Claim("settled", found.fingerprint, found.record, found.results[0])
        if free:
            return Claim("new" if fresh else "taken_over", found.fingerprint, found.record)
        return Claim("in_flight", found.fingerprint, found.record, left_s=found.until - now)

    async def settle(self, key: str, result: Any) -> Any:
        await self.step("settle")
        results = self.rows[key].results
        results.append(result)
        await self.answer()
        return results[0]

    async def give_back(self, key: str, claimant: uuid.UUID) -> None:
        await self.step("give_back")
        if self.rows[key].claimant == claimant:
            self.rows[key].claimant = None
        await self.answer()
