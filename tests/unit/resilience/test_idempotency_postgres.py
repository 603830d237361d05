"""The store in Postgres, without Postgres: its names, and what its rows mean.

What the statements do is tested where a server runs them: tests/integration/resilience/.
"""

import re
import uuid
from typing import Any

import pytest

from resilience.errors import SettingsError
from resilience.idempotency import Claim
from resilience.idempotency_postgres import KeyTable, PostgresKeys, claim_of

CLAIMANT = uuid.UUID(int=7)


class Database:
    """Answers each statement with the next row, and notes what was asked."""

    def __init__(self, *rows: Any) -> None:
        self.rows = list(rows)
        self.asked: list[tuple[Any, ...]] = []

    async def fetchrow(self, *asked: Any) -> Any:
        self.asked.append(asked)
        return self.rows.pop(0)


def row(**changes: Any) -> dict[str, Any]:
    """Return a row of a key that this call has just inserted."""
    new = {"fingerprint": "f", "result": None, "settled": False, "inserted": True, "mine": True, "left_s": 5.0}
    return {**new, **changes}


@pytest.mark.parametrize(
    ("changes", "standing", "left_s"),
    [
        ({}, "new", 0.0),
        ({"inserted": False}, "taken_over", 0.0),
        ({"inserted": False, "mine": False, "left_s": 1.5}, "in_flight", 1.5),
        ({"inserted": False, "mine": False, "settled": True}, "settled", 0.0),
        ({"inserted": False, "settled": True}, "settled", 0.0),
    ],
)
def test_a_row_says_how_its_key_stands(changes: Any, standing: Any, left_s: float) -> None:
    """Settled before all else; a result counts only then."""
    result = "r" if standing == "settled" else None

    assert claim_of(row(**changes), "record", "r") == Claim(standing, "f", "record", result, left_s)


@pytest.mark.parametrize(
    ("name", "record", "result"),
    [
        ("keys; DROP TABLE orders", (), "result"),
        ("shop.", (), "result"),
        ("", (), "result"),
        ("Keys", (), "result"),
        ("keys", ("sku", "quantity)--"), "result"),
        ("keys", (), "re sult"),
        ("keys", (), "1st"),
        ("keys", (), "result\n"),
        ("k" * 64, (), "result"),
    ],
)
def test_a_name_that_is_no_plain_name_is_refused(name: str, record: tuple[str, ...], result: str) -> None:
    """Names go into the statements as text: nothing but letters, digits and _ may."""
    with pytest.raises(SettingsError, match="must be a plain name"):
        KeyTable(name, record=record, result=result)


def test_a_stamp_is_a_plain_name_too() -> None:
    with pytest.raises(SettingsError, match="must be a plain name"):
        KeyTable("keys", stamps=("event_id; --",))


def test_plain_names_are_taken() -> None:
    table = KeyTable("shop_1.orders", record=("id", "sku_2"), result="status")

    assert "INSERT INTO shop_1.orders AS held" in table.claim
    assert KeyTable("k" * 63).settle.startswith("UPDATE kkk")


@pytest.mark.parametrize(("record", "values"), [((), 4), (("id",), 5), (("id", "sku", "quantity"), 7)])
def test_every_value_is_a_parameter(record: tuple[str, ...], values: int) -> None:
    """The key, the fingerprint, the claimant, the lease, then the record."""
    claim = KeyTable("keys", record=record).claim

    assert sorted({int(number) for number in re.findall(r"\$(\d+)", claim)}) == list(range(1, values + 1))


async def test_a_claim_is_one_statement_and_hands_back_the_request() -> None:
    """An equal fingerprint is an equal request, so it need not be kept."""
    table = KeyTable("keys")
    database = Database(row())
    keys: PostgresKeys[Any, Any] = PostgresKeys(database, table)

    claim = await keys.claim("k", "f", {"a": 1}, claimant=CLAIMANT, lease_s=5.0)

    assert claim == Claim("new", "f", {"a": 1})
    assert database.asked == [(table.claim, "k", "f", CLAIMANT, 5.0)]


async def test_a_result_is_stored_as_json_and_comes_back() -> None:
    table = KeyTable("keys", result="told")
    database = Database({"told": '{"id": 1}'}, {**row(settled=True), "told": '{"id": 1}'})
    keys: PostgresKeys[Any, Any] = PostgresKeys(database, table)

    assert await keys.settle("k", {"id": 2}) == {"id": 1}
    assert (await keys.claim("k", "f", None, claimant=CLAIMANT, lease_s=5.0)).result == {"id": 1}
    assert database.asked[0] == (table.settle, "k", '{"id": 2}')


async def test_a_result_may_have_a_form_of_its_own() -> None:
    database = Database({"result": "7"}, row(settled=True, result="8"))
    keys: PostgresKeys[None, int] = PostgresKeys(database, KeyTable("keys"), dump=str, load=int)

    assert await keys.settle("k", 9) == 7
    assert (await keys.claim("k", "f", None, claimant=CLAIMANT, lease_s=5.0)).result == 8
    assert database.asked[0][2] == "9"


async def test_a_key_that_was_removed_does_not_undo_what_was_done() -> None:
    """The work is done and its caller is told; only a repeat will not know of it."""
    keys: PostgresKeys[Any, Any] = PostgresKeys(Database(None), KeyTable("keys"))

    assert await keys.settle("k", "done") == "done"


async def test_a_claim_is_given_back_by_key_and_claimant() -> None:
    table = KeyTable("keys")
    database = Database(None)
    keys: PostgresKeys[Any, Any] = PostgresKeys(database, table)

    await keys.give_back("k", CLAIMANT)

    assert database.asked == [(table.give_back, "k", CLAIMANT)]


def test_the_statements_are_these_to_the_letter() -> None:
    """Safety rests on them, and a database is what tries them: a change goes through the integration tests first."""
    table = KeyTable("shop.orders", record=("id", "sku"), result="status")
    free = (
        "held.settled_at IS NULL AND held.fingerprint = excluded.fingerprint AND"
        " (held.claimed_until IS NULL OR held.claimed_until <= now() OR held.claimed_by = excluded.claimed_by)"
    )

    assert table.claim == (
        "INSERT INTO shop.orders AS held (idempotency_key, fingerprint, claimed_by, claimed_until, id, sku)"  # noqa: S608 -- nothing of it is input
        " VALUES ($1, $2, $3, now() + make_interval(secs => $4), $5, $6)"
        " ON CONFLICT (idempotency_key) DO UPDATE SET"
        f" claimed_by = CASE WHEN {free} THEN excluded.claimed_by ELSE held.claimed_by END,"
        f" claimed_until = CASE WHEN {free} THEN excluded.claimed_until ELSE held.claimed_until END"
        " RETURNING fingerprint, id, sku, status, settled_at IS NOT NULL AS settled, xmax = 0 AS inserted,"
        " claimed_by IS NOT DISTINCT FROM $3 AS mine,"
        " coalesce(extract(epoch FROM claimed_until - now()), 0)::float8 AS left_s"
    )
    assert table.settle == (
        "UPDATE shop.orders SET status = CASE WHEN settled_at IS NULL THEN $2 ELSE status END,"
        " settled_at = coalesce(settled_at, now()) WHERE idempotency_key = $1 RETURNING status, id, sku"
    )
    assert table.give_back == (
        "UPDATE shop.orders SET claimed_by = NULL, claimed_until = NULL"
        " WHERE idempotency_key = $1 AND claimed_by = $2 AND settled_at IS NULL"
    )
