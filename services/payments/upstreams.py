"""What payments speaks to: its charge log in Postgres, and the bank."""

import uuid
from collections.abc import Mapping
from pathlib import Path

from resilience import Pipeline, link_settings
from services.common.http_client import HttpPeer, HttpSession
from services.common.kit import Kit
from services.common.migrations import MIGRATE_WITHIN_S, migrate, read_migrations
from services.common.postgres import Database
from services.common.readiness import BOUND_S, Check
from services.payments.core import Bank, Charge, ChargeTable, Decision
from services.payments.settings import PaymentsSettings

# The conflicting row is touched, not skipped: only so does one statement return it even when a twin has just committed
# it, after our snapshot.
BEGIN = """
INSERT INTO payments.charges (id, idempotency_key, order_id, amount_cents) VALUES ($1, $2, $3, $4)
ON CONFLICT (idempotency_key) DO UPDATE SET idempotency_key = EXCLUDED.idempotency_key
RETURNING id, order_id, amount_cents, status
"""
SETTLE = """
UPDATE payments.charges
SET status = CASE status WHEN 'pending' THEN $2 ELSE status END, settled_at = coalesce(settled_at, now())
WHERE id = $1
RETURNING status
"""


class PostgresCharges:
    """The charge log. Two statements a charge, 2 round trips of a connection each: 4 round trips."""

    def __init__(self, database: Database, pipeline: Pipeline) -> None:
        self._database = database
        self._pipeline = pipeline

    async def begin(self, key: str, new: Charge) -> Charge:
        """Insert a charge, or return the one that has the key."""
        row = await self._pipeline.call(
            lambda: self._database.one(BEGIN, new.id, key, new.order_id, new.amount_cents), idempotent=True
        )
        return Charge(row["id"], row["order_id"], row["amount_cents"], row["status"])

    async def settle(self, charge_id: uuid.UUID, decision: Decision) -> Decision:
        """Write the decision down once."""
        row = await self._pipeline.call(lambda: self._database.one(SETTLE, charge_id, decision), idempotent=True)
        settled: Decision = row["status"]
        return settled


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
        self._http = HttpSession()
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
