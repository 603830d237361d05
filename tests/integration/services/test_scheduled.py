"""Scheduled jobs on real Postgres: one leader, a history, and what the jobs of orders do."""

import asyncio
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import services
from resilience import LinkSettings, SystemClock, system_rng
from services.common import leadership
from services.common.job_metrics import JobUse
from services.common.leadership import OwnConnection
from services.common.migrations import migrate, read_migrations
from services.common.postgres import Database
from services.common.schedule import JobSettings, Missed
from services.common.scheduled import Job, Scheduler
from services.orders.jobs import finisher, janitor

pytestmark = pytest.mark.integration

ORDERS = Path(str(services.__file__)).parent / "orders" / "migrations"
HISTORY = "SELECT job, outcome, rows, error, due_at, started_at, finished_at FROM orders.job_runs ORDER BY id"
Eventually = Callable[..., Awaitable[None]]


@pytest.fixture
async def table(database: str) -> AsyncIterator[Database]:
    await migrate(database, "orders", read_migrations(ORDERS), clock=SystemClock(), within_s=30)
    pool = Database(database, LinkSettings(pool_size=2))
    await pool.open()
    yield pool
    await pool.close()


class Bench:
    """A scheduler of one job that counts, and fails or hangs on demand."""

    def __init__(self, database: str, *, missed: Missed = "skip", every_s: float = 0.2, kept_runs: int = 100) -> None:
        self.began = self.ended = self.at_once = self.most_at_once = 0
        self.error: Exception | None = None
        self.hold = asyncio.Event()
        self.hold.set()
        self.lines: list[str] = []
        settings = JobSettings("job", every_s=every_s, jitter_s=0.0, missed=missed, within_s=5, kept_runs=kept_runs)
        self.use = JobUse(["job"])
        self.scheduler = Scheduler(
            database,
            "orders",
            [Job(settings, self.work)],
            self.use,
            clock=SystemClock(),
            rng=system_rng(1),
            tell=self.tell,
            tick_s=0.02,
        )

    def tell(self, event: str, _values: Mapping[str, Any]) -> None:
        self.lines.append(event)

    async def work(self, own: OwnConnection) -> int:
        self.began += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.hold.wait()
            if self.error is not None:
                raise self.error
            await own.rows("SELECT 1")
        finally:
            self.at_once -= 1
        self.ended += 1
        return 7


async def ran(bench: Bench, times: int) -> bool:
    return bench.ended >= times


async def test_a_job_runs_again_and_again_and_leaves_a_history(
    table: Database, database: str, eventually: Eventually
) -> None:
    bench = Bench(database, kept_runs=3)
    bench.scheduler.start()
    await eventually(lambda: ran(bench, 6))
    await bench.scheduler.close()

    rows = await table.rows(HISTORY)
    assert 3 <= len(rows) <= 4
    assert {(row["job"], row["outcome"], row["rows"]) for row in rows[:3]} == {("job", "ok", 7)}
    assert all(row["due_at"] <= row["started_at"] <= row["finished_at"] for row in rows[:3])
    gaps = [(later["due_at"] - row["due_at"]).total_seconds() for row, later in pairwise(rows)]
    assert all(round(gap / 0.2, 3).is_integer() for gap in gaps)
    assert bench.use.runs["job", "ok"] >= 6
    assert bench.use.late_s["job"] >= 0
    assert not bench.use.leads


async def test_a_job_that_is_slower_than_its_period_does_not_overlap_itself(
    table: Database, database: str, eventually: Eventually
) -> None:
    """The runs that it had no time for are skipped, and counted."""
    bench = Bench(database)
    bench.hold.clear()
    bench.scheduler.start()
    await eventually(lambda: _began(bench))
    await asyncio.sleep(1)
    bench.hold.set()
    await eventually(lambda: ran(bench, 3))
    await bench.scheduler.close()

    assert bench.most_at_once == 1
    assert bench.use.runs["job", "skipped"] >= 3


async def _began(bench: Bench) -> bool:
    return bench.began == 1


@pytest.mark.parametrize(("missed", "runs"), [("skip", 1), ("catch_up", 5)])
async def test_runs_that_nobody_made_follow_the_policy(
    table: Database, database: str, eventually: Eventually, missed: Missed, runs: int
) -> None:
    """Nobody led for five periods and a half of an hour."""
    await table.row(
        "INSERT INTO orders.job_runs (job, due_at, outcome) VALUES ('job', now() - interval '330 minutes', 'ok')"
    )
    bench = Bench(database, missed=missed, every_s=3600)
    bench.scheduler.start()
    await eventually(lambda: ran(bench, runs))
    await asyncio.sleep(0.3)
    await bench.scheduler.close()

    assert bench.ended == runs
    assert bench.use.runs["job", "skipped"] == 5 - runs


async def test_a_job_that_fails_is_told_and_runs_again(table: Database, database: str, eventually: Eventually) -> None:
    bench = Bench(database)
    bench.error = RuntimeError("no paper")
    bench.scheduler.start()
    await eventually(lambda: _failed(bench))
    bench.error = None
    await eventually(lambda: ran(bench, 1))
    await bench.scheduler.close()

    rows = await table.rows(HISTORY)
    assert (rows[0]["outcome"], rows[0]["error"]) == ("failed", "no paper")
    assert "a job failed" in bench.lines


async def _failed(bench: Bench) -> bool:
    return bench.use.runs["job", "failed"] >= 1


async def test_a_scheduler_is_closed_in_the_middle_of_a_job(
    table: Database, database: str, eventually: Eventually
) -> None:
    """The next leader closes the line that it left."""
    first, before = Bench(database), asyncio.all_tasks()
    first.hold.clear()
    first.scheduler.start()
    await eventually(lambda: _began(first))
    async with asyncio.timeout(5):
        await first.scheduler.close()
    assert asyncio.all_tasks() == before

    second = Bench(database)
    second.scheduler.start()
    await eventually(lambda: ran(second, 1))
    await second.scheduler.close()

    assert (await table.rows(HISTORY))[0]["outcome"] == "abandoned"


async def test_a_leader_whose_connection_is_cut_leads_again(
    table: Database, database: str, eventually: Eventually
) -> None:
    bench = Bench(database)
    bench.scheduler.start()
    await eventually(lambda: ran(bench, 2))

    await table.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    ended = bench.ended

    await eventually(lambda: ran(bench, ended + 2))
    await bench.scheduler.close()
    assert {row["outcome"] for row in await table.rows(HISTORY)} <= {"ok", "failed", "abandoned", "running"}


async def start(database: str, name: str) -> asyncio.subprocess.Process:
    script = str(Path(__file__).parent / "run_jobs.py")
    return await asyncio.create_subprocess_exec(sys.executable, script, database, name, stdout=asyncio.subprocess.PIPE)


async def line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    return await asyncio.wait_for(process.stdout.readline(), 30)


async def test_of_two_processes_one_leads_and_the_other_takes_over_when_it_is_killed(
    table: Database, database: str, eventually: Eventually
) -> None:
    first = await start(database, "first")
    assert await line(first) == b"first runs\n"
    second = await start(database, "second")
    try:
        for _ in range(8):
            assert await line(first) == b"first runs\n"
        waiting = asyncio.create_task(line(second))
        await asyncio.sleep(0.5)
        assert not waiting.done()

        first.send_signal(signal.SIGKILL)
        await first.wait()

        assert await waiting == b"second runs\n"
    finally:
        second.send_signal(signal.SIGKILL)
        await second.wait()
    runs = await table.rows(HISTORY)
    ended = [row for row in runs if row["outcome"] == "ok"]
    assert all(row["finished_at"] <= later["started_at"] for row, later in pairwise(ended))


async def test_a_leader_that_is_stopped_loses_the_lead_and_follows_when_it_goes_on(
    table: Database, database: str
) -> None:
    """Nothing is cut and nobody died; its session has said nothing for too long."""
    first = await start(database, "first")
    assert await line(first) == b"first runs\n"
    said: list[bytes] = []

    async def listen() -> None:
        assert first.stdout is not None
        async for text in first.stdout:
            said.append(text)  # noqa: PERF401 -- as they come, not when it has ended

    listening = asyncio.create_task(listen())
    second = await start(database, "second")
    try:
        first.send_signal(signal.SIGSTOP)
        assert await line(second) == b"second runs\n"

        first.send_signal(signal.SIGCONT)
        for _ in range(5):
            assert await line(second) == b"second runs\n"
        before = len(said)
        for _ in range(5):
            assert await line(second) == b"second runs\n"
        assert len(said) == before
    finally:
        for process in (first, second):
            process.send_signal(signal.SIGKILL)
            await process.wait()
    await listening


async def test_a_leader_that_is_stopped_within_a_statement_loses_the_lead(
    database: str, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session is not idle then: it has said what it will ask, and not yet with which values."""
    monkeypatch.setattr(leadership, "IDLE_S", 1)
    first, second = OwnConnection(database, lock="the lead"), OwnConnection(database, lock="the lead")
    try:
        assert await first.leads()
        assert not await second.leads()
        assert first._connection is not None
        await first._connection.prepare("SELECT 42")

        await eventually(second.leads)
    finally:
        first.drop()
        second.drop()


# ---- the jobs of orders ----


@pytest.fixture
async def own(database: str) -> AsyncIterator[OwnConnection]:
    connection = OwnConnection(database)
    yield connection
    connection.drop()


async def test_the_janitor_deletes_what_is_published_and_old_and_nothing_else(
    table: Database, own: OwnConnection
) -> None:
    for number, published in enumerate(["now() - interval '2 hours'", "now()", "NULL", "now() - interval '3 hours'"]):
        await table.row(
            "INSERT INTO orders.outbox (event_id, order_id, payload, created_at, published_at) VALUES"  # noqa: S608 -- above
            f" (gen_random_uuid(), gen_random_uuid(), '{number}', now() - interval '1 day', {published})"
        )

    assert await janitor(kept_s=3600, batch=1)(own) == 2

    left = await table.rows("SELECT payload FROM orders.outbox ORDER BY id")
    assert [row["payload"] for row in left] == ["1", "2"]


async def test_orders_that_nobody_works_on_are_finished_as_a_repeat_would(open_shop: Any, own: OwnConnection) -> None:
    """Its process died between charge and answer: the charge stands, so the order is confirmed and told of, once."""
    shop = await open_shop("protected")
    order_id = uuid.uuid4()
    await shop.rows(
        "INSERT INTO orders.orders (id, idempotency_key, fingerprint, sku, quantity, amount_cents, customer,"  # noqa: S608 -- the test's own values
        " claimed_by, claimed_until, created_at) VALUES"
        f" ('{order_id}', 'dead', '1 sku-0001 ada', 'sku-0001', 1, 777, 'ada', gen_random_uuid(),"
        " now() - interval '1 minute', now() - interval '1 minute') RETURNING 1"
    )
    await shop.customer.post(
        f"{shop.inventory.url}/reservations", json={"order_id": str(order_id), "sku": "sku-0001", "quantity": 1}
    )
    body = {"order_id": str(order_id), "amount_cents": 777}
    await shop.customer.post(f"{shop.payments.url}/charges", json=body, headers={"Idempotency-Key": str(order_id)})
    [before] = await shop.rows("SELECT available FROM inventory.stock WHERE sku = 'sku-0001'")

    async def place(key: str, *, sku: str, quantity: int, customer: str) -> object:
        order = {"sku": sku, "quantity": quantity, "customer": customer}
        response = await shop.customer.post(f"{shop.orders.url}/orders", json=order, headers={"Idempotency-Key": key})
        assert response.status == 201
        return response

    assert await finisher(place, after_s=30)(own) == 1
    assert await finisher(place, after_s=30)(own) == 0

    [row] = await shop.rows("SELECT status, amount_cents FROM orders.orders")
    assert (row["status"], row["amount_cents"]) == ("confirmed", 777)
    [told] = await shop.rows("SELECT order_id FROM orders.outbox")
    assert told["order_id"] == order_id
    assert len(await shop.charges_at_bank()) == 1
    [after] = await shop.rows("SELECT available FROM inventory.stock WHERE sku = 'sku-0001'")
    assert after["available"] == before["available"]


async def test_an_order_that_somebody_works_on_or_that_is_young_is_left_alone(
    table: Database, own: OwnConnection
) -> None:
    for key, created, until in (("young", 0, -60), ("working", 3600, 2), ("settled", 3600, -3600)):
        await table.row(
            "INSERT INTO orders.orders (id, idempotency_key, sku, quantity, amount_cents, created_at, claimed_until,"
            " settled_at) VALUES ($1, $2, 'sku-1', 1, 1, now() - make_interval(secs => $3),"
            " now() + make_interval(secs => $4), CASE WHEN $2 = 'settled' THEN now() END)",
            uuid.uuid4(), key, created, until,
        )  # fmt: skip

    async def place(key: str, **_: Any) -> object:
        raise AssertionError(key)

    assert await finisher(place, after_s=30)(own) == 0


async def test_a_run_ends_with_the_first_order_that_cannot_be_finished(table: Database, own: OwnConnection) -> None:
    """A dependency that is down is not asked for every order."""
    for key in ("a", "b"):
        await table.row(
            "INSERT INTO orders.orders (id, idempotency_key, sku, quantity, amount_cents, created_at)"
            " VALUES ($1, $2, 'sku-1', 1, 1, now() - interval '1 hour')",
            uuid.uuid4(),
            key,
        )
    asked = []

    async def place(key: str, **_: Any) -> object:
        asked.append(key)
        raise ConnectionError("down")

    with pytest.raises(ConnectionError):
        await finisher(place, after_s=30)(own)
    assert len(asked) == 1


async def test_the_jobs_of_orders_are_on_the_metrics_page_from_the_start(
    open_shop: Any, eventually: Eventually
) -> None:
    protected, naive = await open_shop("protected"), await open_shop("naive")

    async def value(shop: Any, start: str) -> str | None:
        lines = (await (await shop.get(f"{shop.orders.url}/metrics")).text()).splitlines()
        return next((line.split()[-1] for line in lines if line.startswith(start)), None)

    failed = 'job_runs_total{arm="test-arm",job="finish-orders",outcome="failed"'
    assert (await value(protected, failed), await value(naive, failed)) == ("0.0", None)
    assert await value(naive, failed.replace("finish-orders", "outbox-janitor")) == "0.0"
    assert await value(naive, 'job_lateness_seconds{arm="test-arm",job="outbox-janitor"') == "0.0"

    async def leads() -> bool:
        # Both shops are on one database, and one of them leads.
        return {await value(protected, "job_leads{"), await value(naive, "job_leads{")} == {"0.0", "1.0"}

    await eventually(leads)
