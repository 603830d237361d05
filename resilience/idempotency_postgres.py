"""Idempotency keys in Postgres: a claim is one statement, a settling is one statement.

Either a table of its own, or columns of the table that holds what the request makes: then claiming the key and writing
the order down are one statement, and the order cannot be without its key. The columns:

    idempotency_key text NOT NULL UNIQUE, fingerprint text NOT NULL, claimed_by uuid, claimed_until timestamptz,
    settled_at timestamptz, and the column of the result

Safety rests on SETTLE: `CASE WHEN settled_at IS NULL` under the row's lock, so one result wins and all are told it,
whatever has become of the leases. A lease is measured by the database's clock alone.
"""

import json
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Protocol, TypeVar

from resilience.errors import SettingsError
from resilience.idempotency import Claim

Record = TypeVar("Record")
Result = TypeVar("Result")

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_FREE = (
    "held.settled_at IS NULL AND held.fingerprint = excluded.fingerprint"
    " AND (held.claimed_until IS NULL OR held.claimed_until <= now() OR held.claimed_by = excluded.claimed_by)"
)


class KeyTable:
    """The statements for one table. Its names are constants of the code, and refused where they are no plain names.

    `record` are the columns that a new key is written with, `result` is the column that settles it. `stamps` are
    columns that whoever settles the key writes with the result, from $3 on: who finds their own there has settled it.
    Raises SettingsError.
    """

    def __init__(
        self, name: str, *, record: tuple[str, ...] = (), result: str = "result", stamps: tuple[str, ...] = ()
    ) -> None:
        for part in (*name.split("."), *record, result, *stamps):
            if not _NAME.fullmatch(part):
                raise SettingsError(f"KeyTable: {part!r} must be a plain name, of a-z, 0-9 and _")
        columns = "".join(f", {column}" for column in record)
        values = "".join(f", ${number}" for number, _ in enumerate(record, start=5))
        stamped = "".join(
            f", {column} = CASE WHEN settled_at IS NULL THEN ${number} ELSE {column} END"
            for number, column in enumerate(stamps, start=3)
        )
        told = "".join(f", {column}" for column in stamps)
        self.result = result
        # A key that is there is written to, not skipped: only so does one statement return it even when a twin has
        # just committed it, after our snapshot. xmax is 0 in a row that this very statement has inserted.
        self.claim = (
            f"INSERT INTO {name} AS held (idempotency_key, fingerprint, claimed_by, claimed_until{columns})"  # noqa: S608 -- plain names, checked above
            f" VALUES ($1, $2, $3, now() + make_interval(secs => $4){values})"
            " ON CONFLICT (idempotency_key) DO UPDATE SET"
            f" claimed_by = CASE WHEN {_FREE} THEN excluded.claimed_by ELSE held.claimed_by END,"
            f" claimed_until = CASE WHEN {_FREE} THEN excluded.claimed_until ELSE held.claimed_until END"
            f" RETURNING fingerprint{columns}, {result}, settled_at IS NOT NULL AS settled, xmax = 0 AS inserted,"
            " claimed_by IS NOT DISTINCT FROM $3 AS mine,"
            " coalesce(extract(epoch FROM claimed_until - now()), 0)::float8 AS left_s"
        )
        self.settle = (
            f"UPDATE {name} SET {result} = CASE WHEN settled_at IS NULL THEN $2 ELSE {result} END,"  # noqa: S608
            f" settled_at = coalesce(settled_at, now()){stamped} WHERE idempotency_key = $1"
            f" RETURNING {result}{columns}{told}"
        )
        self.give_back = (
            f"UPDATE {name} SET claimed_by = NULL, claimed_until = NULL"  # noqa: S608
            " WHERE idempotency_key = $1 AND claimed_by = $2 AND settled_at IS NULL"
        )


def claim_of(row: Any, record: Record, result: Result | None) -> Claim[Record, Result]:
    """Return what a row of KeyTable.claim says; `result` counts only where the key is settled."""
    if row["settled"]:
        return Claim("settled", row["fingerprint"], record, result)
    if not row["mine"]:
        return Claim("in_flight", row["fingerprint"], record, left_s=row["left_s"])
    return Claim("new" if row["inserted"] else "taken_over", row["fingerprint"], record)


class Database(Protocol):
    """What is used of asyncpg: a pool, a connection, or what wraps one with bounds."""

    def fetchrow(self, query: str, /, *arguments: Any) -> Awaitable[Any]:
        """Run one statement and return its first row, None where there is none."""
        ...


class PostgresKeys(Generic[Record, Result]):
    """A KeyStore in a table of its own. The record is not kept: an equal fingerprint is an equal request.

    `dump` makes a result into the text that is stored, `load` makes it back. Keys are never removed here.
    """

    def __init__(
        self,
        database: Database,
        table: KeyTable,
        *,
        dump: Callable[[Result], str] = json.dumps,
        load: Callable[[str], Result] = json.loads,
    ) -> None:
        self._database = database
        self._table = table
        self._dump = dump
        self._load = load

    async def claim(
        self, key: str, fingerprint: str, new: Record, *, claimant: uuid.UUID, lease_s: float
    ) -> Claim[Record, Result]:
        """Claim the key where it is free, and say how it stands."""
        row = await self._database.fetchrow(self._table.claim, key, fingerprint, claimant, lease_s)
        return claim_of(row, new, self._load(row[self._table.result]) if row["settled"] else None)

    async def settle(self, key: str, result: Result) -> Result:
        """Settle the key once, and return the result that stands: this one where somebody has removed the key."""
        row = await self._database.fetchrow(self._table.settle, key, self._dump(result))
        return result if row is None else self._load(row[self._table.result])

    async def give_back(self, key: str, claimant: uuid.UUID) -> None:
        """End the claim, where it is this claimant's still."""
        await self._database.fetchrow(self._table.give_back, key, claimant)
