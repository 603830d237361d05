"""Payments: written down before, charged once, written down after."""

import itertools
import uuid

import pytest

from resilience import KeyReused, SystemClock, ignore
from resilience.idempotency import Idempotency
from services.payments.core import ONCE, Charge, Decision, Payments
from tests.unit.resilience.keys import Keys


class Bank:
    """Decides as told, and notes the rows that stood when it was asked."""

    def __init__(self, table: Keys, decision: Decision = "charged") -> None:
        self.table = table
        self.decision = decision
        self.asked: list[tuple[str, str, int]] = []
        self.silent = False

    async def charge(self, key: str, *, order_id: str, amount_cents: int) -> Decision:
        assert self.table.rows[key].results == []
        self.asked.append((key, order_id, amount_cents))
        if self.silent:
            raise TimeoutError
        return self.decision


def desk(decision: Decision = "charged") -> tuple[Payments, Keys, Bank]:
    table = Keys(SystemClock())
    bank = Bank(table, decision)
    numbers = itertools.count(1)
    once: Idempotency[Charge, Decision] = Idempotency(
        "orders_to_payments", ONCE, store=table, new_id=uuid.uuid4, clock=table.clock, listener=ignore
    )
    return Payments(once, bank, lambda: uuid.UUID(int=next(numbers))), table, bank


@pytest.mark.parametrize("decision", ["charged", "declined"])
async def test_the_decision_is_written_down(decision: Decision) -> None:
    """What the bank says is what the caller hears and the log keeps."""
    payments, table, _ = desk(decision)

    assert await payments.charge("k", order_id="o", amount_cents=5) == decision
    assert table.rows["k"].results == [decision]
    assert table.rows["k"].record == Charge(uuid.UUID(int=1), "k", "o", 5)


async def test_a_settled_key_does_not_reach_the_bank_again() -> None:
    """A repeat is answered from the log."""
    payments, _, bank = desk()
    await payments.charge("k", order_id="o", amount_cents=5)

    assert await payments.charge("k", order_id="o", amount_cents=5) == "charged"
    assert len(bank.asked) == 1


async def test_a_charge_left_open_is_asked_again_under_its_key() -> None:
    """After a timeout nobody knows; the bank is asked once more under the same key, which it has learned to know."""
    payments, table, bank = desk()
    bank.silent = True
    with pytest.raises(TimeoutError):
        await payments.charge("k", order_id="o", amount_cents=5)
    assert table.rows["k"].results == []
    bank.silent = False

    assert await payments.charge("k", order_id="o", amount_cents=5) == "charged"
    assert bank.asked == [("k", "o", 5)] * 2


@pytest.mark.parametrize(("order_id", "amount_cents"), [("other", 5), ("o", 6)])
async def test_a_key_belongs_to_one_charge(order_id: str, amount_cents: int) -> None:
    """A key with another order or amount is refused, and the bank hears nothing."""
    payments, _, bank = desk()
    await payments.charge("k", order_id="o", amount_cents=5)

    with pytest.raises(KeyReused):
        await payments.charge("k", order_id=order_id, amount_cents=amount_cents)
    assert len(bank.asked) == 1
