"""Idempotency keys on a real Postgres: twins that race, a first that dies at any point, leases, conflicts, replays."""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest

from resilience.clock import SystemClock
from resilience.errors import InProgress, KeyReused
from resilience.events import DuplicateSeen, Event, ignore
from resilience.idempotency import Idempotency, IdempotencySettings
from resilience.idempotency_postgres import KeyTable, PostgresKeys
from resilience.states import Duplicate
from tests.unit.pages.page import Page
from tests.unit.resilience.conftest import CancelAt

pytestmark = pytest.mark.integration

PAGE = Page("idempotency")
TABLE = PAGE.blocks("Copy")[1].code
# A wait far longer than any work here: who waits, waits for the other's end and not for the clock's.
PATIENT = IdempotencySettings(lease_s=60.0, wait_s=30.0, poll_s=0.01, give_back_s=10.0)
FOR_EVER_S = 3600.0


@pytest.fixture
async def pool(database: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    async with asyncpg.create_pool(database, min_size=4, max_size=10) as opened:
        await opened.execute(TABLE)
        yield opened


def once(pool: Any, settings: IdempotencySettings = PATIENT, listener: Any = ignore) -> Idempotency[str, Any]:
    return Idempotency(
        "link",
        settings,
        store=PostgresKeys(pool, KeyTable("idempotency_keys")),
        new_id=uuid.uuid4,
        clock=SystemClock(),
        listener=listener,
    )


class Work:
    """An operation that takes `seconds` and numbers its results."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.begun = 0

    async def __call__(self, _record: str) -> Any:
        self.begun += 1
        number = self.begun
        await asyncio.sleep(self.seconds)
        return {"number": number}


async def test_the_first_result_is_replayed_by_any_process(pool: Any, database: str) -> None:
    """Whoever asks: the key lies in the database."""
    work = Work()
    assert await once(pool).run("k", "f", "request", work) == {"number": 1}

    async with asyncpg.create_pool(database, min_size=1, max_size=1) as other:
        assert await once(other).run("k", "f", "request", work) == {"number": 1}
    assert work.begun == 1


async def test_fifty_twins_are_one_operation_and_one_answer(pool: Any) -> None:
    """Through ten connections, so most wait for one as well."""
    work, events = Work(0.2), list[Event]()
    one = once(pool, listener=events.append)

    results = await asyncio.gather(*(one.run("k", "f", "request", work) for _ in range(50)))

    assert results == [{"number": 1}] * 50
    assert work.begun == 1
    assert len(events) == 49
    assert set(events) <= {DuplicateSeen("link", Duplicate.WAITED), DuplicateSeen("link", Duplicate.REPLAYED)}


async def test_another_request_under_the_key_is_refused_and_claims_nothing(pool: Any) -> None:
    """Not even after the lease: the key is the first request's until somebody removes it."""
    one = once(pool, replace(PATIENT, lease_s=0.01))
    dying = asyncio.create_task(one.run("k", "f", "request", Work(FOR_EVER_S)))
    await asyncio.sleep(0.2)

    with pytest.raises(KeyReused):
        await one.run("k", "g", "request", Work())
    assert await one.run("k", "f", "request", Work()) == {"number": 1}
    with pytest.raises(KeyReused):
        await one.run("k", "g", "request", Work())
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)


async def test_a_first_cancelled_at_any_point_is_brought_to_its_end_by_the_next(pool: Any) -> None:
    """At each place where the first one waits for the server or for its work; the claim that it lost ends in 0.2 s."""
    one = once(pool, replace(PATIENT, lease_s=0.2))
    points = 0
    for point in itertools.count(1):
        key, work = f"key-{point}", Work(0.01)
        driven = CancelAt(one.run(key, "f", "request", work), point)
        end: Any
        [end] = await asyncio.gather(asyncio.create_task(driven), return_exceptions=True)
        if driven.waits < point:
            assert end == {"number": 1}
            break
        assert isinstance(end, asyncio.CancelledError), f"place {point} swallowed the cancellation: {end!r}"
        points += 1

        result = await one.run(key, "f", "request", work)
        stored = await pool.fetchrow("SELECT * FROM idempotency_keys WHERE idempotency_key = $1", key)
        assert (stored["result"], stored["settled_at"] is None) == (f'{{"number": {result["number"]}}}', False)
        assert await one.run(key, "f", "request", work) == result
    assert points >= 3, "the claim, the work, the settling"


async def test_a_first_that_fails_frees_its_key_at_once(pool: Any) -> None:
    events: list[Event] = []
    one = once(pool, listener=events.append)

    async def fails(_record: str) -> None:
        raise ConnectionError("no bank")

    with pytest.raises(ConnectionError, match="no bank"):
        await one.run("k", "f", "request", fails)

    assert await one.run("k", "f", "request", Work()) == {"number": 1}
    assert events == [DuplicateSeen("link", Duplicate.TAKEN_OVER)]


async def test_a_dead_first_is_taken_over_when_its_lease_has_ended(pool: Any) -> None:
    """By the database's clock. Nobody asks whether it is dead: what it settles later is not taken."""
    events: list[Event] = []
    one = once(pool, replace(PATIENT, lease_s=0.3), events.append)
    slow, work = Work(1.0), Work()
    first = asyncio.create_task(one.run("k", "f", "request", slow))
    await asyncio.sleep(0.1)
    began = SystemClock().now()

    assert await one.run("k", "f", "request", work) == {"number": 1}

    assert SystemClock().now() - began > 0.1
    assert events == [DuplicateSeen("link", Duplicate.TAKEN_OVER)]
    stored = await pool.fetchrow("SELECT result, settled_at FROM idempotency_keys")
    assert await first == {"number": 1}
    assert await pool.fetchrow("SELECT result, settled_at FROM idempotency_keys") == stored


async def test_of_many_settlings_at_once_one_stands_and_all_are_told_it(pool: Any) -> None:
    """No lease could do this: twenty calls that all hold the key at the same time."""
    keys: PostgresKeys[str, int] = PostgresKeys(pool, KeyTable("idempotency_keys"))
    for _ in range(20):
        await keys.claim("k", "f", "request", claimant=uuid.uuid4(), lease_s=0.0)

    told = await asyncio.gather(*(keys.settle("k", number) for number in range(20)))

    assert len(set(told)) == 1
    assert (await keys.claim("k", "f", "request", claimant=uuid.uuid4(), lease_s=1.0)).result == told[0]


async def test_of_many_claims_at_once_one_is_granted(pool: Any) -> None:
    """Of a new key, and of one whose lease has ended."""
    keys: PostgresKeys[str, int] = PostgresKeys(pool, KeyTable("idempotency_keys"))
    for granted in ("new", "taken_over"):
        claims = await asyncio.gather(
            *(keys.claim("k", "f", "request", claimant=uuid.uuid4(), lease_s=60.0) for _ in range(20))
        )

        assert sorted(claim.standing for claim in claims) == sorted([granted, *["in_flight"] * 19])
        assert {claim.left_s > 59 for claim in claims if claim.standing == "in_flight"} == {True}
        await pool.execute("UPDATE idempotency_keys SET claimed_until = now()")


async def test_a_claim_that_is_made_twice_is_one_claim(pool: Any) -> None:
    """A retry after a lost answer finds its own claim and goes on."""
    keys: PostgresKeys[str, int] = PostgresKeys(pool, KeyTable("idempotency_keys"))
    mine = uuid.uuid4()

    first = await keys.claim("k", "f", "request", claimant=mine, lease_s=60.0)
    again = await keys.claim("k", "f", "request", claimant=mine, lease_s=60.0)
    others = await keys.claim("k", "f", "request", claimant=uuid.uuid4(), lease_s=60.0)

    assert [claim.standing for claim in (first, again, others)] == ["new", "taken_over", "in_flight"]


async def test_a_claim_is_given_back_by_its_holder_only(pool: Any) -> None:
    """Not by one whose lease has ended, and a settled key not at all."""
    keys: PostgresKeys[str, int] = PostgresKeys(pool, KeyTable("idempotency_keys"))
    mine, other = uuid.uuid4(), uuid.uuid4()
    await keys.claim("k", "f", "request", claimant=mine, lease_s=60.0)

    await keys.give_back("k", other)
    assert (await keys.claim("k", "f", "request", claimant=other, lease_s=60.0)).standing == "in_flight"
    await keys.give_back("k", mine)
    assert (await keys.claim("k", "f", "request", claimant=other, lease_s=60.0)).standing == "taken_over"
    await keys.settle("k", 1)
    await keys.give_back("k", other)
    assert (await keys.claim("k", "f", "request", claimant=mine, lease_s=60.0)).standing == "settled"


async def test_a_twin_is_refused_when_its_wait_is_over(pool: Any) -> None:
    one = once(pool, replace(PATIENT, wait_s=0.1))
    first = asyncio.create_task(one.run("k", "f", "request", Work(FOR_EVER_S)))
    await asyncio.sleep(0.1)

    with pytest.raises(InProgress) as refused:
        await one.run("k", "f", "request", Work())

    assert refused.value.retry_after_s == 0.1
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_new_key_takes_two_statements(pool: Any) -> None:
    """A claim and a settling: what a scenario's arithmetic counts on."""
    asked: list[str] = []

    class Counting:
        async def fetchrow(self, statement: str, *arguments: Any) -> Any:
            asked.append(statement.split(maxsplit=1)[0])
            return await pool.fetchrow(statement, *arguments)

    await once(Counting()).run("k", "f", "request", Work())

    assert asked == ["INSERT", "UPDATE"]


async def test_a_table_may_carry_the_keys_beside_what_they_stand_for(pool: Any) -> None:
    """The row and its key are one statement; whoever takes over is given the first one's row."""
    await pool.execute(
        "CREATE TABLE orders (id uuid PRIMARY KEY, sku text NOT NULL, status text NOT NULL DEFAULT 'pending',"
        " idempotency_key text NOT NULL UNIQUE, fingerprint text NOT NULL, claimed_by uuid, claimed_until timestamptz,"
        " settled_at timestamptz)"
    )
    table = KeyTable("public.orders", record=("id", "sku"), result="status")
    first, second = uuid.uuid4(), uuid.uuid4()

    row = await pool.fetchrow(table.claim, "k", "f", uuid.uuid4(), 0.0, first, "sku-1")
    assert (row["id"], row["sku"], row["status"], row["inserted"], row["mine"]) == (
        first,
        "sku-1",
        "pending",
        True,
        True,
    )
    row = await pool.fetchrow(table.claim, "k", "f", uuid.uuid4(), 0.0, second, "sku-2")
    assert (row["id"], row["sku"], row["inserted"], row["mine"]) == (first, "sku-1", False, True)
    row = await pool.fetchrow(table.settle, "k", "confirmed")
    assert tuple(row) == ("confirmed", first, "sku-1")
    assert (await pool.fetchrow(table.settle, "k", "failed"))["status"] == "confirmed"


async def test_who_settles_leaves_their_stamp_and_nobody_after_them(pool: Any) -> None:
    """So each of many who settle at once knows whether it was they; a repeat of the same call finds itself again."""
    await pool.execute(
        "CREATE TABLE stamped (idempotency_key text NOT NULL UNIQUE, fingerprint text NOT NULL, claimed_by uuid,"
        " claimed_until timestamptz, settled_at timestamptz, result text, event_id uuid, note text)"
    )
    table = KeyTable("stamped", stamps=("event_id", "note"))
    await pool.fetchrow(table.claim, "k", "f", uuid.uuid4(), 5.0)
    ids = [uuid.uuid4() for _ in range(10)]

    rows = await asyncio.gather(*(pool.fetchrow(table.settle, "k", str(one), one, f"by {one}") for one in ids))

    assert len({tuple(row) for row in rows}) == 1
    [winner] = {row["event_id"] for row in rows}
    assert (rows[0]["result"], rows[0]["note"]) == (str(winner), f"by {winner}")
    assert (await pool.fetchrow(table.settle, "k", "x", winner, "x"))["event_id"] == winner


@pytest.mark.usefixtures("pool")
async def test_the_app_of_the_page_charges_once(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the table that the page gives: two at once and one later are told the same; another amount is refused."""
    monkeypatch.setenv("DATABASE_URL", database)
    module: dict[str, Any] = {}
    exec(compile(PAGE.app().code, "app.py", "exec"), module)  # noqa: S102 -- what a reader of the page would run
    app = module["app"]
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://app") as client,
    ):

        async def charge(cents: int) -> tuple[int, Any]:
            answer = await client.post("/charges", params={"amount_cents": cents}, headers={"idempotency-key": "k"})
            return answer.status_code, answer.json()

        told = [*await asyncio.gather(charge(5), charge(5)), await charge(5)]
        assert told == [(201, {"charged": 5})] * 3
        assert (await charge(6))[0] == 422
