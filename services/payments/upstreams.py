"""What payments speaks to: its charge log in Postgres, and the bank."""

import uuid
from collections.abc import Mapping
from pathlib import Path

from resilience import Pipeline, link_settings
from resilience.deadline import without_deadline
from resilience.idempotency import Claim
from resilience.idempotency_postgres import KeyTable, claim_of
from services.common.http_client import HttpPeer, HttpSession
from services.common.kit import Kit
from services.common.migrations import MIGRATE_WITHIN_S, migrate, read_migrations
from services.common.postgres import Database
from services.common.readiness import BOUND_S, Check
from services.payments.core import Bank, Charge, ChargeTable, Decision
from services.payments.settings import PaymentsSettings

KEYS = KeyTable("payments.charges", record=("id", "order_id", "amount_cents"), result="status")


class PostgresCharges:
    """The charge log, which is the table of their keys. Two statements a charge: claim and insert, settle.

    Each is 2 round trips of a connection (`services.common.postgres`): 4 round trips. A repeat is one claim, and
    one more a look while it waits.
    """

    def __init__(self, database: Database, pipeline: Pipeline) -> None:
        self._database = database
        self._pipeline = pipeline

    async def claim(
        self, key: str, fingerprint: str, new: Charge, *, claimant: uuid.UUID, lease_s: float
    ) -> Claim[Charge, Decision]:
        """Insert a charge and claim its key, or find the charge that has the key."""
        values = (key, fingerprint, claimant, lease_s, new.id, new.order_id, new.amount_cents)
        row = await self._pipeline.call(lambda: self._database.one(KEYS.claim, *values), idempotent=True)
        return claim_of(row, Charge(row["id"], key, row["order_id"], row["amount_cents"]), row["status"])

    async def settle(self, key: str, result: Decision) -> Decision:
        """Write the decision down once, also when the caller's time is up: the bank has decided."""
        with without_deadline():
            row = await self._pipeline.call(lambda: self._database.one(KEYS.settle, key, result), idempotent=True)
        settled: Decision = row["status"]
        return settled

    async def give_back(self, key: str, claimant: uuid.UUID) -> None:
        """End the claim, also when the caller's time is up: that may be why."""
        with without_deadline():
            await self._pipeline.call(lambda: self._database.row(KEYS.give_back, key, claimant), idempotent=True)


class HttpBank:
    """The bank over HTTP."""

    def __init__(self, peer: HttpPeer, pipeline: Pipeline) -> None:
        self._peer = peer
        self._pipeline = pipeline

    async def charge(self, key: str, *, order_id: str, amount_cents: int) -> Decision:
        """Charge under a key; the bank makes repeats harmless."""
        body = {"order_id": order_id, "amount_cents": amount_cents}
        headers = {"idempotency-key": key}
        answer = await self._pipeline.call(
            lambda: self._peer.send("POST", "/charges", body=body, headers=headers), idempotent=True
        )
        match answer.status:
            case 201:
                return "charged"
            case 402:
                return "declined"
        raise self._peer.unexpected(answer)


class PaymentsUpstreams:
    """Owns the pool and the session."""

    def __init__(self, settings: PaymentsSettings, kit: Kit) -> None:
        to_postgres = link_settings(settings.profile, "payments_to_postgres")
        to_bank = link_settings(settings.profile, "payments_to_bank")
        self._kit = kit
        self._url = settings.database_url
        self._database = Database(settings.database_url, to_postgres)
        self._http = HttpSession(kit.clock)
        self._bank_peer = self._http.to("bank", settings.bank_url, to_bank)
        kit.metrics.watch_pool(self._database.use)
        self.charges: ChargeTable = PostgresCharges(self._database, kit.pipeline("payments_to_postgres", to_postgres))
        self.bank: Bank = HttpBank(self._bank_peer, kit.pipeline("payments_to_bank", to_bank))

    async def open(self) -> None:
        """Migrate, then connect."""
        migrations = read_migrations(Path(__file__).parent / "migrations")
        await migrate(self._url, "payments", migrations, clock=self._kit.clock, within_s=MIGRATE_WITHIN_S)
        await self._http.open()
        await self._database.open()

    async def close(self) -> None:
        """Close both."""
        await self._http.close()
        await self._database.close()

    def checks(self) -> Mapping[str, Check]:
        """Return what must answer."""
        return {"postgres": lambda: self._database.ping(bound_s=BOUND_S), "bank": self._bank_peer.ping}
