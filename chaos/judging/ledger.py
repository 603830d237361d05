"""The ledger: what customers were told, held against what the databases and the bank say afterwards.

The databases and the bank are read directly, not over a link: the ledger asks what is true, not what a faulted shop
still answers. What the words mean is said at `chaos.run.ArmLedger`; `reconcile` is pure and decides them.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from chaos.errors import LedgerUnreadable
from chaos.records import Request, read_requests
from chaos.run import ArmLedger

# Each of the three reads takes milliseconds on an idle machine; this bounds all of them together.
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


def told(requests: Iterable[Request], arm: str) -> dict[str, str | None]:
    """Return what each customer of an arm was told: the key, and the acknowledged order's id, or None."""
    return {
        request.key: request.order_id if request.outcome == "answered" else None
        for request in requests
        if request.arm == arm and request.kind == "checkout" and request.outcome != "skipped"
    }


def reconcile(
    acknowledged: Mapping[str, str | None],
    orders: Sequence[OrderRow],
    charges: Sequence[ChargeRow],
    bank: Sequence[BankRow],
) -> ArmLedger:
    """Hold what customers were told (`told`) against the three books.

    Orders of keys that are not in `acknowledged`, and charges for them, belong to somebody else (an earlier run, a
    warm-up) and do not count. A charge for an order that no book of orders knows does: money was taken for nothing.
    """
    ours = [order for order in orders if order.key in acknowledged]
    foreign = {order.order_id for order in orders} - {order.order_id for order in ours}
    confirmed = {order.order_id: order.key for order in ours if order.status == CONFIRMED}
    charged = Counter(charge.order_id for charge in charges if charge.status == CHARGED)
    taken: Counter[str] = Counter()
    for row in bank:
        taken[row.order_id] += row.count
    promised = {key: order_id for key, order_id in acknowledged.items() if order_id is not None}
    orders_of_key = Counter(order.key for order in ours)
    books = (charged.keys() | taken.keys()) - foreign
    return ArmLedger(
        acknowledged=len(promised),
        orders_found=len(confirmed),
        orders_lost=sum(confirmed.get(order_id) != key for key, order_id in promised.items()),
        orders_doubled=sum(count > 1 for count in orders_of_key.values()),
        charges_found=sum(charged[order_id] > 0 for order_id in books),
        charges_lost=sum(not (charged[order_id] and taken[order_id]) for order_id in promised.values()),
        charges_doubled=sum(charged[order_id] > 1 or taken[order_id] > 1 for order_id in books),
        ambiguous=sum(key not in promised for key in confirmed.values()),
        unsettled=sum(taken[order_id] > 0 for order_id in books - confirmed.keys() - set(promised.values())),
    )


async def read_arm(
    requests_csv: Path, *, arm: str, database_url: str, bank_url: str, timeout_s: float = TIMEOUT_S
) -> ArmLedger:
    """Read the books of one arm and hold them against the records of its customers.

    `database_url` and `bank_url` lead to the servers themselves. Raises LedgerUnreadable: records damaged, a server
    gone, an answer of another form, or nothing within `timeout_s`.
    """
    try:
        async with asyncio.timeout(timeout_s):
            acknowledged = told(await asyncio.to_thread(read_requests, requests_csv), arm)
            orders, charges = await _database(database_url, timeout_s)
            bank = await _bank(bank_url, timeout_s)
    except TimeoutError as error:
        raise LedgerUnreadable(f"the books of {arm} were not read within {timeout_s:g} s") from error
    except (OSError, aiohttp.ClientError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise LedgerUnreadable(f"the books of {arm} cannot be read: {error or type(error).__name__}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise LedgerUnreadable(f"the books of {arm} are damaged: {type(error).__name__}: {error}") from error
    return reconcile(acknowledged, orders, charges, bank)


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
