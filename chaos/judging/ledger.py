"""The ledger: what customers were told, held against what the databases and the bank say afterwards.

The databases and the bank are read directly, not over a link: the ledger asks what is true, not what a faulted shop
still answers. What the words mean is said at `chaos.booked.ArmLedger`; `reconcile` is pure and decides them.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from chaos.booked import ArmLedger
from chaos.errors import LedgerUnreadable
from chaos.judging.event_ledger import EventSource, first_named, with_events
from chaos.records import Request, read_requests

# Each of the reads takes milliseconds on an idle machine, that of a topic half a second; this bounds all together.
TIMEOUT_S = 10.0

CONFIRMED = "confirmed"
CHARGED = "charged"
ORDERS_SQL = "SELECT id::text, idempotency_key, status FROM orders.orders"
CHARGES_SQL = "SELECT order_id, status FROM payments.charges"


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as the database holds it; `key` is the customer's idempotency key."""

    order_id: str
    key: str
    status: str


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """A charge as payments wrote it down."""

    order_id: str
    status: str


@dataclass(frozen=True, slots=True)
class BankRow:
    """What the bank holds for one key; `count` is how often money was really taken."""

    order_id: str
    count: int


def told(requests: Iterable[Request], arm: str) -> dict[str, set[str]]:
    """Return what each customer of an arm was told: the key, and the ids of the orders acknowledged under it.

    A customer may have asked twice under one key: acknowledged is what either answer said. No id at all stands for a
    customer who was told nothing, an empty id for one who was told "yes" without one.
    """
    found: dict[str, set[str]] = {}
    for request in requests:
        if request.arm == arm and request.kind == "checkout" and request.outcome != "skipped":
            ids = found.setdefault(request.key, set())
            if request.outcome == "answered":
                ids.add(request.order_id)
    return found


def reconcile(
    acknowledged: Mapping[str, Collection[str]],
    orders: Sequence[OrderRow],
    charges: Sequence[ChargeRow],
    bank: Sequence[BankRow],
    before: Collection[str] = (),
) -> ArmLedger:
    """Hold what customers were told (`told`) against the three books.

    Orders of keys that are not in `acknowledged`, and charges for them, belong to somebody else (an earlier run, a
    warm-up) and do not count; nor does an order whose id stood in a book `before` this run. A charge for an order that
    no book of orders knows does: money was taken for nothing. A key counts once under each word, however many ids it
    was told: as lost if any of them is, as doubled if it was told two or has two.
    """
    ours = [order for order in orders if order.key in acknowledged]
    foreign = set(before) | ({order.order_id for order in orders} - {order.order_id for order in ours})
    confirmed = {order.order_id: order.key for order in ours if order.status == CONFIRMED}
    charged = Counter(charge.order_id for charge in charges if charge.status == CHARGED)
    taken: Counter[str] = Counter()
    for row in bank:
        taken[row.order_id] += row.count
    promised = {key: set(ids) for key, ids in acknowledged.items() if ids}
    promised_ids = set().union(*promised.values()) - {""}
    twice_told = {key for key, ids in promised.items() if len(ids - {""}) > 1}
    twice_there = {key for key, count in Counter(order.key for order in ours).items() if count > 1}
    books = (charged.keys() | taken.keys()) - foreign
    found = {
        "orders.lost": {key for key, ids in promised.items() if any(confirmed.get(one) != key for one in ids)},
        "orders.doubled": twice_told | twice_there,
        "orders.ambiguous": {one for one, key in confirmed.items() if key not in promised},
        "charges.lost": {key for key, ids in promised.items() if any(not (charged[one] and taken[one]) for one in ids)},
        "charges.doubled": {one for one in books if charged[one] > 1 or taken[one] > 1},
        "charges.unsettled": {one for one in books - confirmed.keys() - promised_ids if taken[one] > 0},
    }
    return ArmLedger(
        acknowledged=len(promised),
        orders_found=len(confirmed),
        orders_lost=len(found["orders.lost"]),
        orders_doubled=len(found["orders.doubled"]),
        charges_found=sum(charged[one] > 0 for one in books),
        charges_lost=len(found["charges.lost"]),
        charges_doubled=len(found["charges.doubled"]),
        ambiguous=len(found["orders.ambiguous"]),
        unsettled=len(found["charges.unsettled"]),
        named=first_named(found),
    )


async def read_arm(
    requests_csv: Path,
    *,
    arm: str,
    database_url: str,
    bank_url: str,
    before: Collection[str] = (),
    source: EventSource | None = None,
    timeout_s: float = TIMEOUT_S,
) -> ArmLedger:
    """Read the books of one arm and hold them against the records of its customers.

    `database_url` and `bank_url` lead to the servers themselves, `before` is what `read_ids` gave before the run,
    `source` is None where the run does without events.
    Raises LedgerUnreadable: records damaged, a server gone, an answer of another form, or nothing within `timeout_s`.
    """
    async with _readable(arm, timeout_s):
        acknowledged = told(await asyncio.to_thread(read_requests, requests_csv), arm)
        orders, charges = await _database(database_url, timeout_s)
        bank = await _bank(bank_url, timeout_s)
        ledger = reconcile(acknowledged, orders, charges, bank, before)
        if source is None:
            return ledger
        promised = set().union(*acknowledged.values()) - {""}
        ours = {order.order_id for order in orders if order.key in acknowledged}
        return await with_events(ledger, promised, ours, source=source, database_url=database_url, timeout_s=timeout_s)


async def read_ids(*, arm: str, database_url: str, bank_url: str, timeout_s: float = TIMEOUT_S) -> frozenset[str]:
    """Return the id of every order that stands in one of the arm's books now; raises LedgerUnreadable."""
    async with _readable(arm, timeout_s):
        orders, charges = await _database(database_url, timeout_s)
        bank = await _bank(bank_url, timeout_s)
    return frozenset(
        [row.order_id for row in orders] + [row.order_id for row in charges] + [row.order_id for row in bank]
    )


@asynccontextmanager
async def _readable(arm: str, timeout_s: float) -> AsyncIterator[None]:
    """Turn whatever keeps the books from being read, inside, into LedgerUnreadable."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError as error:
        raise LedgerUnreadable(f"the books of {arm} were not read within {timeout_s:g} s") from error
    except (OSError, aiohttp.ClientError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise LedgerUnreadable(f"the books of {arm} cannot be read: {error or type(error).__name__}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise LedgerUnreadable(f"the books of {arm} are damaged: {type(error).__name__}: {error}") from error


async def _database(url: str, timeout_s: float) -> tuple[list[OrderRow], list[ChargeRow]]:
    connection = await asyncpg.connect(url, timeout=timeout_s)
    try:
        orders = await connection.fetch(ORDERS_SQL, timeout=timeout_s)
        charges = await connection.fetch(CHARGES_SQL, timeout=timeout_s)
    finally:
        # close() would wait for an answer of a server that may be gone; terminate() waits for nobody.
        connection.terminate()
    return [OrderRow(*row) for row in orders], [ChargeRow(*row) for row in charges]


async def _bank(url: str, timeout_s: float) -> list[BankRow]:
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    async with (
        aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
        session.get(f"{url}/charges") as response,
    ):
        rows: list[dict[str, Any]] = await response.json()
    return [BankRow(order_id=str(row["order_id"]), count=int(row["count"])) for row in rows]
