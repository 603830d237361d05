"""Orders: taken once, whatever the client repeats and wherever the last try ended."""

import itertools
import uuid
from datetime import UTC, datetime

import pytest

from resilience import KeyReused, SystemClock, ignore
from resilience.idempotency import Idempotency
from services.orders.core import ONCE, PRICE_CENTS, Order, Orders, Settled
from tests.unit.resilience.keys import Keys


class World:
    """Inventory and payments that note what was asked, and fail on demand."""

    def __init__(self, *, in_stock: bool = True, accepted: bool = True) -> None:
        self.in_stock = in_stock
        self.accepted = accepted
        self.asked: list[tuple[object, ...]] = []
        self.broken_at: str | None = None

    def note(self, *what: object) -> None:
        self.asked.append(what)
        if self.broken_at == what[0]:
            raise ConnectionError(self.broken_at)

    async def reserve(self, order_id: str, sku: str, quantity: int) -> bool:
        self.note("reserve", order_id, sku, quantity)
        return self.in_stock

    async def release(self, order_id: str) -> None:
        self.note("release", order_id)

    async def charge(self, order_id: str, amount_cents: int) -> bool:
        self.note("charge", order_id, amount_cents)
        return self.accepted


def shop(world: World) -> tuple[Orders, Keys]:
    table = Keys(SystemClock())
    numbers = itertools.count(1)
    once: Idempotency[Order, Settled] = Idempotency(
        "gateway_to_orders", ONCE, store=table, new_id=uuid.uuid4, clock=table.clock, listener=ignore
    )
    return Orders(once, world, world, lambda: uuid.UUID(int=next(numbers)), lambda: NOW), table


NOW = datetime(2026, 1, 2, tzinfo=UTC)
FIRST = str(uuid.UUID(int=1))


async def test_an_order_is_reserved_then_charged_then_confirmed() -> None:
    """The order of the steps is the promise: nothing is charged that is not reserved."""
    world = World()
    orders, table = shop(world)

    settled = await orders.place("k", sku="sku-1", quantity=3)

    assert settled == Settled(FIRST, "confirmed")
    assert world.asked == [("reserve", FIRST, "sku-1", 3), ("charge", FIRST, 3 * PRICE_CENTS)]
    assert table.rows["k"].results == [settled]


async def test_a_repeat_is_answered_without_asking_anybody() -> None:
    """A settled key is answered from its row."""
    world = World()
    orders, _ = shop(world)
    first = await orders.place("k", sku="sku-1", quantity=1)
    world.asked.clear()

    assert await orders.place("k", sku="sku-1", quantity=1) == first
    assert world.asked == []


@pytest.mark.parametrize("broken_at", ["reserve", "charge"])
async def test_a_repeat_goes_on_where_the_first_try_ended(broken_at: str) -> None:
    """After a failure in the middle, the next try finishes the same order under the same id."""
    world = World()
    orders, table = shop(world)
    world.broken_at = broken_at
    with pytest.raises(ConnectionError):
        await orders.place("k", sku="sku-1", quantity=1)
    assert table.rows["k"].results == []
    world.broken_at = None

    assert await orders.place("k", sku="sku-1", quantity=1) == Settled(FIRST, "confirmed")
    assert {asked[1] for asked in world.asked} == {FIRST}


async def test_what_is_out_of_stock_is_not_charged() -> None:
    """A short order fails, for good."""
    world = World(in_stock=False)
    orders, _ = shop(world)

    assert (await orders.place("k", sku="sku-1", quantity=1)).status == "failed"
    world.in_stock = True
    assert (await orders.place("k", sku="sku-1", quantity=1)).status == "failed"
    assert [asked[0] for asked in world.asked] == ["reserve"]


async def test_a_declined_order_gives_its_stock_back_before_it_is_settled() -> None:
    """If the release fails the order stays pending, so that a repeat releases again: no stock is lost."""
    world = World(accepted=False)
    orders, table = shop(world)
    world.broken_at = "release"
    with pytest.raises(ConnectionError):
        await orders.place("k", sku="sku-1", quantity=1)
    assert table.rows["k"].results == []
    world.broken_at = None

    assert (await orders.place("k", sku="sku-1", quantity=1)).status == "declined"
    assert [asked[0] for asked in world.asked] == ["reserve", "charge", "release"] * 2


@pytest.mark.parametrize(("sku", "quantity"), [("sku-2", 1), ("sku-1", 2)])
async def test_a_key_belongs_to_one_purchase(sku: str, quantity: int) -> None:
    """A key that comes back with something else is refused before anybody is asked."""
    world = World()
    orders, _ = shop(world)
    await orders.place("k", sku="sku-1", quantity=1)
    world.asked.clear()

    with pytest.raises(KeyReused):
        await orders.place("k", sku=sku, quantity=quantity)
    assert world.asked == []


async def test_whoever_settles_first_settles_for_both() -> None:
    """A try whose claim somebody has taken over takes the answer that stands."""
    world = World()
    orders, table = shop(world)

    async def overtaken(order_id: str, sku: str, quantity: int) -> bool:
        await table.settle("k", Settled(order_id, "confirmed"))
        return False

    world.reserve = overtaken  # type: ignore[method-assign]

    assert (await orders.place("k", sku="sku-1", quantity=1)).status == "confirmed"


async def test_the_first_try_says_what_is_charged() -> None:
    """A repeat charges the amount that the first try wrote down, whatever the price is now."""
    world = World()
    orders, table = shop(world)
    world.broken_at = "charge"
    with pytest.raises(ConnectionError):
        await orders.place("k", sku="sku-1", quantity=1)
    world.broken_at = None
    table.rows["k"].record = Order(uuid.UUID(int=1), "sku-1", 1, 777)

    await orders.place("k", sku="sku-1", quantity=1)

    assert world.asked[-1] == ("charge", FIRST, 777)


async def test_a_confirmed_order_is_told_of_with_what_was_bought_and_by_whom() -> None:
    """The event belongs to the result that settles the order; its id is its own."""
    world = World()
    orders, table = shop(world)

    await orders.place("k", sku="sku-1", quantity=3, customer="ada")

    [settled] = table.rows["k"].results
    event = settled.event
    assert event is not None
    assert (str(event.order_id), event.customer, event.sku, event.quantity) == (FIRST, "ada", "sku-1", 3)
    assert (event.amount_cents, event.occurred_at) == (3 * PRICE_CENTS, NOW)
    assert event.event_id != event.order_id


@pytest.mark.parametrize("world", [World(in_stock=False), World(accepted=False)])
async def test_nothing_is_told_of_an_order_that_did_not_come_about(world: World) -> None:
    orders, table = shop(world)

    settled = await orders.place("k", sku="sku-1", quantity=3)

    assert settled.event is None
    assert table.rows["k"].results[0].event is None


async def test_the_same_key_from_another_customer_is_another_request() -> None:
    orders, _ = shop(World())
    await orders.place("k", sku="sku-1", quantity=1, customer="ada")

    with pytest.raises(KeyReused):
        await orders.place("k", sku="sku-1", quantity=1, customer="bob")
