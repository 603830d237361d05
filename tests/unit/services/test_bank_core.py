"""The bank: a capacity, a queue without bound, one charge per key."""

import asyncio

import pytest

from resilience import KeyReused
from services.bank.core import CARD_LIMIT_CENTS, Bank, Taken


class Clock:
    """A clock whose sleeps end when the test says so."""

    def __init__(self) -> None:
        self.sleeping: list[asyncio.Future[None]] = []
        self.delays: list[float] = []

    def now(self) -> float:
        return 0.0

    async def sleep(self, delay_s: float) -> None:
        self.delays.append(delay_s)
        self.sleeping.append(asyncio.get_running_loop().create_future())
        await self.sleeping[-1]

    async def wake(self) -> None:
        """End the sleep that began first, and let its sleeper run."""
        self.sleeping.pop(0).set_result(None)
        await settle()


async def settle() -> None:
    """Let every task run until it waits for something that only the test can bring."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_slots_bound_how_many_are_charged_at_once_and_the_rest_queues_in_order() -> None:
    """Two slots, five customers: two are under way, then the next by arrival."""
    clock = Clock()
    bank = Bank(clock, latency_s=0.1, slots=2)
    done: list[str] = []

    async def buy(key: str) -> None:
        await bank.charge(key, order_id=key, amount_cents=1)
        done.append(key)

    tasks = [asyncio.create_task(buy(key)) for key in "abcde"]
    await settle()
    assert clock.delays == [0.1, 0.1]
    for expected in ("a", "ab", "abc", "abcd", "abcde"):
        await clock.wake()
        assert "".join(done) == expected
    await asyncio.gather(*tasks)


async def test_a_repeat_waits_for_the_first_and_takes_no_money() -> None:
    """Two requests with one key are one charge, one slot and one decision."""
    clock = Clock()
    bank = Bank(clock, latency_s=0.1, slots=2)
    tasks = [asyncio.create_task(bank.charge("k", order_id="o", amount_cents=1)) for _ in range(2)]
    await settle()
    assert len(clock.sleeping) == 1

    await clock.wake()
    assert clock.sleeping == []

    assert await asyncio.gather(*tasks) == ["charged", "charged"]
    assert bank.taken() == [Taken("k", "o", 1)]


async def test_a_customer_who_leaves_gives_slot_and_place_back() -> None:
    """A cancelled charge takes nothing, and the next try of the key is decided afresh."""
    clock = Clock()
    bank = Bank(clock, latency_s=0.1, slots=1)
    task = asyncio.create_task(bank.charge("k", order_id="o", amount_cents=1))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    clock.sleeping.clear()
    assert bank.taken() == []

    again = asyncio.create_task(bank.charge("k", order_id="o", amount_cents=1))
    await settle()
    await clock.wake()

    assert await again == "charged"
    assert bank.taken() == [Taken("k", "o", 1)]


@pytest.mark.parametrize(
    ("amount_cents", "decision", "count"), [(CARD_LIMIT_CENTS, "charged", 1), (CARD_LIMIT_CENTS + 1, "declined", 0)]
)
async def test_the_card_has_a_limit(amount_cents: int, decision: str, count: int) -> None:
    """The limit itself is still charged; a cent more is declined, and nothing is taken."""
    clock = Clock()
    bank = Bank(clock, latency_s=0.1, slots=1)
    task = asyncio.create_task(bank.charge("k", order_id="o", amount_cents=amount_cents))
    await settle()
    await clock.wake()

    assert await task == decision
    assert sum(taken.count for taken in bank.taken()) == count


async def test_a_key_belongs_to_one_charge() -> None:
    """A key with another amount is refused at once."""
    clock = Clock()
    bank = Bank(clock, latency_s=0.1, slots=1)
    task = asyncio.create_task(bank.charge("k", order_id="o", amount_cents=1))
    await settle()

    with pytest.raises(KeyReused):
        await bank.charge("k", order_id="o", amount_cents=2)
    await clock.wake()
    assert await task == "charged"
