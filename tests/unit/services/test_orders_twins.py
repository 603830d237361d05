"""Two tries of one key at the same moment, in every order in which their steps can meet."""

import itertools
import uuid
from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from resilience import InProgress, ignore
from resilience.idempotency import Claim, Idempotency
from services.orders.core import ONCE, Order, Orders, Settled

Actor = Callable[["World"], Coroutine[Any, Any, Settled | None]]


class Turn:
    """Where a twin waits until the schedule says that it goes on: before each effect on the world."""

    def __await__(self) -> Generator[None, None, None]:
        yield


@dataclass
class World:
    """The books of orders, inventory and payments. Each step takes its turn and then has its effect at once.

    Without `leases` every try is granted the claim, as when leases end at the worst moment: so nothing rests on them.
    """

    available: int
    accepted: bool
    leases: bool = False
    decides_anew: bool = False
    moved_by_others: int = 0
    order: Order | None = None
    claimant: uuid.UUID | None = None
    settled: Settled | None = None
    reservation: Literal["held", "released", "short"] | None = None
    decision: bool | None = None

    async def claim(
        self, _key: str, fingerprint: str, new: Order, *, claimant: uuid.UUID, lease_s: float
    ) -> Claim[Order, Settled]:
        await Turn()
        self.order = self.order or new
        if self.settled:
            return Claim("settled", fingerprint, self.order, self.settled)
        if self.leases and self.claimant not in (None, claimant):
            return Claim("in_flight", fingerprint, self.order, left_s=lease_s)
        self.claimant = claimant
        return Claim("new", fingerprint, self.order)

    async def settle(self, _key: str, result: Settled) -> Settled:
        await Turn()
        self.settled = self.settled or result
        return self.settled

    async def give_back(self, _key: str, _claimant: uuid.UUID) -> None:
        raise AssertionError("nobody fails here, and who is cut off gives nothing back")

    async def reserve(self, _order_id: str, _sku: str, quantity: int) -> bool:
        await Turn()
        if self.reservation is None or (self.decides_anew and self.reservation != "held"):
            self.reservation = "held" if self.available >= quantity else "short"
            if self.reservation == "held":
                self.available -= quantity
        return self.reservation != "short"

    async def release(self, _order_id: str) -> None:
        await Turn()
        if self.reservation == "held":
            self.reservation = "released"
            self.available += 1

    async def charge(self, _order_id: str, _amount_cents: int) -> bool:
        await Turn()
        self.decision = self.accepted if self.decision is None else self.decision
        return self.decision


class Patience:
    """A clock that goes on only while its owner sleeps, and sleeps for a turn."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def now(self) -> float:
        return self.at_s

    async def sleep(self, delay_s: float) -> None:
        await Turn()
        self.at_s += delay_s


def twin(number: int, *, steps: int | None = None) -> Actor:
    """Return a try of the key; one with `steps` is cut off after so many effects, as when its customer leaves."""

    async def place(world: World) -> Settled | None:
        def new_id() -> uuid.UUID:
            return uuid.UUID(int=number)

        once = Idempotency("link", ONCE, store=world, new_id=new_id, clock=Patience(), listener=ignore)
        orders = Orders(once, world, world, new_id, lambda: datetime(2026, 1, 2, tzinfo=UTC))
        placing = orders.place("key", sku="sku-1", quantity=1)
        for _ in itertools.count() if steps is None else range(steps + 1):
            try:
                placing.send(None)
            except StopIteration as end:
                settled: Settled = end.value
                return settled
            except InProgress:
                return None
            await Turn()
        placing.close()
        return None

    return place


def others(change: int) -> Actor:
    """Return another customer, who takes a piece (-1) or gives one back (+1) at any moment."""

    async def act(world: World) -> None:
        await Turn()
        world.moved_by_others = max(-world.available, change)
        world.available += world.moved_by_others

    return act


def every_order(new_world: Callable[[], World], actors: Sequence[Actor]) -> Iterator[tuple[World, list[Any]]]:
    """Run the actors once in every order of their steps, and yield how each run ended: the world and the answers."""
    prefix: list[int] = []
    while True:
        world = new_world()
        running = {number: actor(world) for number, actor in enumerate(actors)}
        answers: list[Any] = [None] * len(actors)
        for actor in running.values():
            # Up to the first turn nothing has an effect.
            actor.send(None)
        taken: list[tuple[int, list[int]]] = []
        while running:
            ready = sorted(running)
            chosen = prefix[len(taken)] if len(taken) < len(prefix) else ready[0]
            taken.append((chosen, ready))
            try:
                running[chosen].send(None)
            except StopIteration as end:
                answers[chosen] = end.value
                del running[chosen]
        yield world, answers
        # The next order differs at the latest step at which somebody else could have gone first.
        while taken and taken[-1][0] == taken[-1][1][-1]:
            taken.pop()
        if not taken:
            return
        chosen, ready = taken.pop()
        prefix = [step[0] for step in taken] + [ready[ready.index(chosen) + 1]]


def problems(world: World, answers: Sequence[Settled | None]) -> list[str]:
    """Return what is wrong once everybody has ended."""
    assert world.order is not None
    assert world.settled is not None
    status, wrong = world.settled.status, []
    charged, held = world.decision is True, world.reservation == "held"
    if charged and status != "confirmed":
        wrong.append(f"charged while {status}")
    if held and status != "confirmed":
        wrong.append(f"held while {status}")
    if status == "confirmed" and not (charged and held):
        wrong.append("confirmed without charge or piece")
    if any(answer not in (None, Settled(str(world.order.id), status)) for answer in answers):
        wrong.append(f"told {answers} while {status}")
    return wrong


MARKET = [(0, +1), (1, -1), (1, +1), (0, 0)]


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize(("available", "change"), MARKET)
def test_twins_end_as_one_order_however_they_meet(available: int, change: int, accepted: bool) -> None:
    """Charged or held means confirmed, both are told the same, and no piece is lost or made."""
    runs = 0
    for world, answers in every_order(lambda: World(available, accepted), [twin(1), twin(2), others(change)]):
        runs += 1
        assert problems(world, answers[:2]) == []
        assert None not in answers[:2]
        assert world.available + (world.reservation == "held") == available + world.moved_by_others
    assert runs > 100


@pytest.mark.parametrize("available", [0, 1])
def test_a_twin_that_waits_is_told_the_same_or_that_the_first_is_in_progress(available: int) -> None:
    """Its looks meet the first anywhere; the first is never disturbed by them."""
    ends = set()
    for world, answers in every_order(lambda: World(available, accepted=True, leases=True), [twin(1), twin(2)]):
        assert problems(world, answers) == []
        assert any(answers)
        ends.add(tuple(answer is None for answer in answers))
    assert ends == {(False, False), (True, False), (False, True)}


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("available", [0, 1])
@pytest.mark.parametrize("steps", range(5))
def test_a_twin_that_is_cut_off_anywhere_leaves_nothing_wrong(steps: int, available: int, accepted: bool) -> None:
    """One of the two may end after any of its steps: the other brings the order to its one end."""
    change = 1 if available == 0 else -1
    actors = [twin(1), twin(2, steps=steps), others(change)]
    for world, answers in every_order(lambda: World(available, accepted), actors):
        assert problems(world, answers[:2]) == []
        assert answers[0] is not None


@pytest.mark.parametrize(
    ("available", "change", "accepted", "found"),
    [(0, +1, True, "charged while failed"), (0, +1, True, "held while failed"), (1, 0, False, "held while declined")],
)
def test_an_inventory_that_decides_anew_would_be_found(available: int, change: int, accepted: bool, found: str) -> None:
    """The orders tried above include the ones that hurt: without inventory's promise each of these happens."""
    late = twin(2) if accepted else twin(2, steps=2)
    runs = every_order(lambda: World(available, accepted, decides_anew=True), [twin(1), late, others(change)])

    assert found in {wrong for world, answers in runs for wrong in problems(world, answers[:2])}
