"""Every way in which customers, orders, charges and the bank can disagree is counted once, under its own word."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.booked import ArmLedger
from chaos.judging.ledger import BankRow, ChargeRow, OrderRow, reconcile, told
from chaos.scenario import Kind
from tests.unit.chaos.builders import GAVE_UP, SERVED, SKIPPED, Answer, requests

TOLD: dict[str, set[str]] = {"k1": {"o1"}, "k2": {"o2"}, "k3": set()}
ORDERS = [OrderRow("o1", "k1", "confirmed"), OrderRow("o2", "k2", "confirmed")]
CHARGES = [ChargeRow("o1", "charged"), ChargeRow("o2", "charged")]
BANK = [BankRow("o1", 1), BankRow("o2", 1)]


def books(
    *,
    acknowledged: dict[str, set[str]] = TOLD,
    orders: Sequence[OrderRow] = ORDERS,
    charges: Sequence[ChargeRow] = CHARGES,
    bank: Sequence[BankRow] = BANK,
) -> dict[str, int]:
    """Return the counts that are not as in books that agree."""
    agree = {"acknowledged": 2, "orders_found": 2, "charges_found": 2}
    found = counts(reconcile(acknowledged, orders, charges, bank))
    return {name: count for name, count in found.items() if count != agree.get(name, 0)}


def counts(ledger: ArmLedger) -> dict[str, int]:
    """Return what is counted, without who it is."""
    return ledger.model_dump(exclude={"named", "events"})


def test_books_that_agree_hold_nothing_else() -> None:
    assert books() == {}


@pytest.mark.parametrize("status", ["pending", "failed", "declined"])
def test_an_acknowledged_order_that_is_not_confirmed_is_lost(status: str) -> None:
    assert books(orders=[ORDERS[0], OrderRow("o2", "k2", status)]) == {"orders_lost": 1, "orders_found": 1}


def test_an_acknowledged_order_that_is_not_there_is_lost() -> None:
    assert books(orders=ORDERS[:1]) == {"orders_lost": 1, "orders_found": 1}


def test_a_customer_told_another_orders_id_has_lost_the_order() -> None:
    assert books(acknowledged={**TOLD, "k2": {"o1"}}) == {"orders_lost": 1}


def test_a_customer_told_no_id_has_lost_order_and_charge() -> None:
    found = books(acknowledged={"k1": {"o1"}, "k2": {""}})

    assert (found["orders_lost"], found["charges_lost"]) == (1, 1)


def test_two_orders_for_one_key_are_doubled() -> None:
    assert books(orders=[*ORDERS, OrderRow("o9", "k2", "pending")]) == {"orders_doubled": 1}


def test_an_acknowledged_order_without_money_taken_is_a_lost_charge() -> None:
    assert books(bank=BANK[:1]) == {"charges_lost": 1}
    assert books(bank=[BANK[0], BankRow("o2", 0)]) == {"charges_lost": 1}


def test_an_acknowledged_order_that_payments_did_not_write_down_is_a_lost_charge() -> None:
    assert books(charges=CHARGES[:1]) == {"charges_lost": 1, "charges_found": 1}
    assert books(charges=[CHARGES[0], ChargeRow("o2", "pending")]) == {"charges_lost": 1, "charges_found": 1}


def test_money_taken_twice_is_doubled_wherever_it_shows() -> None:
    assert books(bank=[BANK[0], BankRow("o2", 2)]) == {"charges_doubled": 1}
    assert books(bank=[*BANK, BankRow("o2", 1)]) == {"charges_doubled": 1}
    assert books(charges=[*CHARGES, ChargeRow("o2", "charged")]) == {"charges_doubled": 1}
    assert books(charges=[*CHARGES, ChargeRow("o2", "declined")]) == {}


def test_a_confirmed_order_of_a_customer_who_was_not_told_is_ambiguous() -> None:
    extra = books(
        orders=[*ORDERS, OrderRow("o3", "k3", "confirmed")],
        charges=[*CHARGES, ChargeRow("o3", "charged")],
        bank=[*BANK, BankRow("o3", 1)],
    )

    assert extra == {"ambiguous": 1, "orders_found": 3, "charges_found": 3}


@pytest.mark.parametrize("order", [[OrderRow("o3", "k3", "pending")], []])
def test_money_taken_for_an_order_that_is_not_confirmed_is_unsettled(order: list[OrderRow]) -> None:
    assert books(orders=[*ORDERS, *order], bank=[*BANK, BankRow("o3", 1)]) == {"unsettled": 1}


def test_money_taken_for_a_lost_order_is_lost_not_unsettled() -> None:
    assert books(orders=ORDERS[:1]) == {"orders_lost": 1, "orders_found": 1}


def test_what_an_earlier_run_left_does_not_count() -> None:
    old = OrderRow("o7", "old-key", "confirmed")

    assert (
        books(orders=[*ORDERS, old], charges=[*CHARGES, ChargeRow("o7", "charged")], bank=[*BANK, BankRow("o7", 2)])
        == {}
    )


def test_an_arm_without_customers_has_empty_books() -> None:
    assert set(counts(reconcile({}, [], [], [])).values()) == {0}


def test_what_customers_were_told_is_taken_from_the_checkouts_of_the_arm() -> None:
    def answer(_arm: str, _kind: Kind, at_s: float) -> Answer:
        return SERVED if at_s == 0 else SKIPPED if at_s == 1 else GAVE_UP

    found = told(requests(answer, checkout_per_s=1, seconds=3), "naive")

    assert found == {"key-0-naive": {"order-0-naive"}, "key-2-naive": set()}


def twice(first: Answer, second: Answer) -> dict[str, set[str]]:
    """Return what a customer was told who sent one checkout twice under one key, once answered as `first` says."""
    asked = requests(
        lambda _arm, _kind, at_s: first if at_s == 0 else second, checkout_per_s=1, browse_per_s=0, seconds=2
    )
    return told([replace(request, key="key") for request in asked], "naive")


@pytest.mark.parametrize("order", [(SERVED, GAVE_UP), (GAVE_UP, SERVED)])
def test_a_customer_who_asked_twice_was_told_what_either_answer_said(order: tuple[Answer, Answer]) -> None:
    (ids,) = twice(*order).values()

    assert len(ids) == 1
    assert twice(SKIPPED, GAVE_UP) == {"key": set()}


def test_a_customer_told_of_one_order_twice_has_one_order() -> None:
    asked = requests(checkout_per_s=1, browse_per_s=0, seconds=2)

    assert told([replace(one, key="key", order_id="o1") for one in asked], "naive") == {"key": {"o1"}}


def test_a_customer_told_of_two_orders_is_doubled_and_the_one_that_is_not_there_is_lost() -> None:
    assert twice(SERVED, SERVED) == {"key": {"order-0-naive", "order-1-naive"}}
    assert books(acknowledged={**TOLD, "k2": {"o2", "o9"}}) == {
        "orders_doubled": 1, "orders_lost": 1, "charges_lost": 1,
    }  # fmt: skip


def test_two_orders_that_are_there_and_were_both_told_are_doubled_once() -> None:
    both = books(
        acknowledged={**TOLD, "k2": {"o2", "o9"}},
        orders=[*ORDERS, OrderRow("o9", "k2", "confirmed")],
        charges=[*CHARGES, ChargeRow("o9", "charged")],
        bank=[*BANK, BankRow("o9", 1)],
    )

    assert both == {"orders_doubled": 1, "orders_found": 3, "charges_found": 3}


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["pending", "confirmed", "failed", None]), st.integers(0, 2),
                          st.integers(0, 2)), max_size=12))  # fmt: skip
def test_each_order_is_counted_as_what_befell_it(cases: list[tuple[bool, str | None, int, int]]) -> None:
    """Each case: was the customer told, how the order stands (or not at all), rows in payments, times at the bank."""
    acknowledged = {f"k{n}": {f"o{n}"} if was_told else set() for n, (was_told, *_) in enumerate(cases)}
    orders = [OrderRow(f"o{n}", f"k{n}", status) for n, (_, status, *_) in enumerate(cases) if status]
    charges = [ChargeRow(f"o{n}", "charged") for n, (*_, rows, _) in enumerate(cases) for _ in range(rows)]
    bank = [BankRow(f"o{n}", times) for n, (*_, times) in enumerate(cases) if times]

    assert counts(reconcile(acknowledged, orders, charges, bank)) == {
        "acknowledged": sum(told for told, *_ in cases),
        "orders_found": sum(status == "confirmed" for _, status, *_ in cases),
        "orders_lost": sum(told and status != "confirmed" for told, status, *_ in cases),
        "orders_doubled": 0,
        "charges_found": sum(rows > 0 for *_, rows, _ in cases),
        "charges_lost": sum(told and not (rows and times) for told, _, rows, times in cases),
        "charges_doubled": sum(rows > 1 or times > 1 for *_, rows, times in cases),
        "ambiguous": sum(not told and status == "confirmed" for told, status, *_ in cases),
        "unsettled": sum(not told and status != "confirmed" and times > 0 for told, status, _, times in cases),
    }


def test_who_does_not_agree_is_named_by_figure() -> None:
    """Orders by their ids; by the customer's key where an order is not there, or is there twice."""
    found = reconcile(
        {"k1": {"o1"}, "k2": {"o2"}, "k3": set(), "k4": {"o4"}},
        [OrderRow("o1", "k1", "confirmed"), OrderRow("o9", "k1", "pending"), OrderRow("o3", "k3", "confirmed")],
        [ChargeRow("o1", "charged"), ChargeRow("o1", "charged"), ChargeRow("o2", "charged")],
        [BankRow("o1", 1), BankRow("o2", 1), BankRow("o5", 1)],
    )

    assert found.named == {
        "orders.lost": ("k2", "k4"),
        "orders.doubled": ("k1",),
        "orders.ambiguous": ("o3",),
        "charges.lost": ("k4",),
        "charges.doubled": ("o1",),
        "charges.unsettled": ("o5",),
    }
    assert reconcile(TOLD, ORDERS, CHARGES, BANK).named == {}


def test_of_many_the_first_twenty_are_named_and_all_are_counted() -> None:
    many = {f"k{number:03}": {f"o{number}"} for number in range(100)}
    found = reconcile(many, [], [], [])

    assert found.orders_lost == 100
    assert found.named["orders.lost"] == tuple(f"k{number:03}" for number in range(20))


def test_what_stood_in_a_book_before_the_run_does_not_count() -> None:
    """A charge without an order that an earlier run has left is none of this run's."""
    old = [*CHARGES, ChargeRow("old", "charged")], [*BANK, BankRow("old", 2)]

    assert reconcile(TOLD, ORDERS, *old).charges_doubled == 1
    assert reconcile(TOLD, ORDERS, *old, before={"old"}) == reconcile(TOLD, ORDERS, CHARGES, BANK)
