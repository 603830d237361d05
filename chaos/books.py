"""The books of all arms around one run: what stood in them before, and what they say of this run's customers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from chaos.engines.running import RunningLab
from chaos.errors import LedgerUnreadable
from chaos.judging.ledger import read_arm, read_ids
from chaos.run import ArmLedger
from chaos.scenario import Scenario


class Books:
    """`problem` says why a book could not be read; then the run goes on, and its verdict counts without a ledger."""

    def __init__(self, lab: RunningLab, arms: Sequence[str], requests_csv: Path) -> None:
        self._lab, self._requests_csv = lab, requests_csv
        self._before: dict[str, frozenset[str]] = dict.fromkeys(arms, frozenset())
        self.problem = ""

    @classmethod
    async def opened(cls, lab: RunningLab, scenario: Scenario, requests_csv: Path) -> Self:
        """Return the books of a scenario's arms, what stands in them noted: the lab may have seen other runs."""
        books = cls(lab, [arm.name for arm in scenario.arms], requests_csv)
        await books._note()
        return books

    async def _note(self) -> None:
        try:
            for arm in self._before:
                database_url, bank_url = self._urls(arm)
                self._before[arm] = await read_ids(arm=arm, database_url=database_url, bank_url=bank_url)
        except LedgerUnreadable as error:
            self.problem = str(error)

    async def close(self) -> dict[str, ArmLedger]:
        """Return each arm's ledger, as far as the books can be read."""
        found: dict[str, ArmLedger] = {}
        try:
            for arm, before in self._before.items():
                database_url, bank_url = self._urls(arm)
                found[arm] = await read_arm(
                    self._requests_csv, arm=arm, database_url=database_url, bank_url=bank_url, before=before
                )
        except LedgerUnreadable as error:
            self.problem = str(error)
        return found

    def _urls(self, arm: str) -> tuple[str, str]:
        return self._lab.database_url(arm), self._lab.service_url(arm, "bank")
