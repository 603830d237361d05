"""The books of all arms around one run: what stood in them before, and what they say of this run's customers."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from chaos.booked import ArmLedger
from chaos.engines.running import RunningLab
from chaos.errors import LedgerUnreadable
from chaos.judging.at_rest import at_rest
from chaos.judging.event_ledger import EventSource
from chaos.judging.ledger import read_arm, read_ids
from chaos.scenario import Scenario
from resilience.clock import Clock


class Books:
    """`problem` says why a book could not be read; then the run goes on, and its verdict counts without a ledger."""

    def __init__(self, lab: RunningLab, arms: Sequence[str], requests_csv: Path, *, events: bool = False) -> None:
        self._lab, self._requests_csv, self._events = lab, requests_csv, events
        self._before: dict[str, frozenset[str]] = dict.fromkeys(arms, frozenset())
        self.problem = ""

    @classmethod
    async def opened(cls, lab: RunningLab, scenario: Scenario, requests_csv: Path) -> Self:
        """Return the books of a scenario's arms, what stands in them noted: the lab may have seen other runs."""
        arms = [arm.name for arm in scenario.arms]
        books = cls(lab, arms, requests_csv, events="events" in scenario.needs)
        await books._note()
        return books

    async def _note(self) -> None:
        try:
            for arm in self._before:
                database_url, bank_url = self._urls(arm)
                self._before[arm] = await read_ids(arm=arm, database_url=database_url, bank_url=bank_url)
        except LedgerUnreadable as error:
            self.problem = str(error)

    async def at_rest(self, bound_s: float, clock: Clock) -> str:
        """Wait until no arm's events are on their way, at most `bound_s`; return whose are, empty for nobody's."""
        if not self._events:
            return ""
        arms = list(self._before)
        said = await asyncio.gather(
            *(at_rest(self._lab.database_url(arm), bound_s=bound_s, clock=clock) for arm in arms)
        )
        late = [f"{arm}: {what}" for arm, what in zip(arms, said, strict=True) if what]
        return f"events were still under way after {bound_s:g} s: {'; '.join(late)}" if late else ""

    async def close(self) -> dict[str, ArmLedger]:
        """Return each arm's ledger, as far as the books can be read."""
        found: dict[str, ArmLedger] = {}
        try:
            for arm, before in self._before.items():
                database_url, bank_url = self._urls(arm)
                found[arm] = await read_arm(
                    self._requests_csv, arm=arm, database_url=database_url, bank_url=bank_url, before=before,
                    source=self._source(arm),
                )  # fmt: skip
        except LedgerUnreadable as error:
            self.problem = str(error)
        return found

    def _source(self, arm: str) -> EventSource | None:
        """Return where an arm's events are told, past Toxiproxy."""
        if not self._events:
            return None
        return EventSource(urlsplit(self._lab.direct_url(arm, "kafka")).netloc, f"{arm}.orders")

    def _urls(self, arm: str) -> tuple[str, str]:
        return self._lab.database_url(arm), self._lab.service_url(arm, "bank")
