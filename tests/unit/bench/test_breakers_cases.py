"""The cases of the breaker table, on virtual time: what they say of our breaker, and of breakers that get it wrong."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from chaos.bench.breakers import cases, costs
from chaos.bench.breakers.cases import CaseImpossible, Probed, TimedOut
from chaos.bench.breakers.guard import FAILURES, Build, Guard, Guarded, Operation
from chaos.bench.breakers.subjects import ours
from tests.unit.resilience.conftest import FakeClock, VirtualLoop


def run(case: Callable[[Build], Any], build: Build) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(case(build))


@dataclass
class Simple:
    """A breaker as one writes it in ten minutes; each field is a way to get it wrong, or right."""

    open_s: float
    cancel_is: str  # "failure", "success" or "nothing"
    gives_back: bool = True  # a cancelled probe's place
    one_probe: bool = False
    opens: bool = True
    failures: int = 0
    probing: bool = False
    opened_at: float | None = None
    leak: list[bytes] = field(default_factory=list)
    leaks: bool = False

    def state(self) -> str:
        if self.opened_at is None:
            return "closed"
        return "half-open" if self.probing else "open"

    def around(self, operation: Operation) -> Guarded:
        return partial(self.call, operation)

    async def call(self, operation: Operation) -> None:
        self.admit()
        try:
            await operation()
        except asyncio.CancelledError:
            self.ended(self.cancel_is)
            raise
        except ConnectionError:
            self.ended("failure")
            raise
        self.ended("success")

    def admit(self) -> None:
        if self.opened_at is None:
            return
        now = asyncio.get_running_loop().time()
        if now < self.opened_at + self.open_s or (self.one_probe and self.probing):
            if self.leaks:
                self.leak.append(bytes(100))
            raise RuntimeError("refused")
        self.probing = True

    def ended(self, how: str) -> None:
        if how == "nothing":
            self.probing = self.probing and not self.gives_back
            return
        self.failures = self.failures + 1 if how == "failure" else 0
        self.opened_at, self.probing = None, False
        if self.opens and self.failures >= FAILURES:
            self.opened_at = asyncio.get_running_loop().time()


def simple(cancel_is: str, **fields: Any) -> Build:
    async def build(open_s: float) -> Guard:
        breaker = Simple(open_s, cancel_is, **fields)
        return Guard(breaker.around, breaker.state)

    return build


async def unstoppable(open_s: float) -> Guard:
    """Build one that runs each call in a task of its own, which a caller who leaves does not end."""
    breaker = Simple(open_s, "nothing")

    def around(operation: Operation) -> Guarded:
        async def guarded() -> None:
            await asyncio.shield(asyncio.create_task(breaker.call(operation)))

        return guarded

    return Guard(around, breaker.state)


OURS: Build = partial(ours.build, clock=FakeClock())


@pytest.mark.parametrize(
    ("build", "found"),
    [
        (OURS, TimedOut(6, ran_on=0)),
        (simple("nothing"), TimedOut(6, ran_on=0)),
        (simple("success"), TimedOut(6, ran_on=0)),
        (simple("failure"), TimedOut(3, ran_on=0)),
        (unstoppable, TimedOut(6, ran_on=6)),
    ],
)
def test_a_who_counts_a_cancelled_call_as_a_failure_lets_three_through(build: Build, found: TimedOut) -> None:
    assert run(cases.timed_out_by_the_caller, build) == found


@pytest.mark.parametrize(
    ("build", "state"),
    [(OURS, "open"), (simple("nothing"), "open"), (simple("failure"), "open"), (simple("success"), "closed")],
)
def test_c_who_counts_a_cancelled_call_as_a_success_stays_closed(build: Build, state: str) -> None:
    assert run(cases.cancelled_between_failures, build) == state


@pytest.mark.parametrize(
    ("build", "found"),
    [
        (OURS, Probed("half-open", "at once")),
        (simple("success"), Probed("closed", "at once")),
        (simple("failure"), Probed("open", "after the open time")),
        (simple("nothing", one_probe=True, gives_back=False), Probed("half-open", "never")),
    ],
)
def test_d_tells_a_breaker_that_is_wedged_for_ever(build: Build, found: Probed) -> None:
    assert run(cases.cancelled_probe, build) == found


@pytest.mark.parametrize(
    ("build", "reached"), [(OURS, 1), (simple("nothing", one_probe=True), 1), (simple("nothing"), 100)]
)
def test_e_counts_the_calls_that_a_recovering_dependency_gets_at_once(build: Build, reached: int) -> None:
    assert run(cases.flood_at_recovery, build) == reached


@pytest.mark.parametrize(
    ("build", "least", "most"),
    [(OURS, -1000, 2000), (simple("nothing"), -1000, 2000), (simple("nothing", leaks=True), 100 * 200, 200 * 200)],
)
def test_m_sees_what_each_refusal_leaves_behind(build: Build, least: int, most: int) -> None:
    assert least <= run(partial(costs.grown_bytes, refusals=200), build) <= most


@pytest.mark.parametrize("case", [cases.cancelled_probe, cases.flood_at_recovery, costs.grown_bytes])
def test_a_breaker_that_does_not_open_cannot_be_tried_out(case: Callable[[Build], Any]) -> None:
    with pytest.raises(CaseImpossible, match="closed after 3 failures"):
        run(case, simple("nothing", opens=False))


def test_a_breaker_that_refuses_the_call_to_be_cancelled_cannot_be_tried_out() -> None:
    with pytest.raises(CaseImpossible, match="refused"):
        run(cases.cancelled_between_failures, simple("nothing", failures=1))


def test_a_breaker_that_only_says_it_is_open_has_no_memory_to_measure() -> None:
    async def build(_open_s: float) -> Guard:
        return Guard(around=lambda operation: operation, state=lambda: "open")

    with pytest.raises(CaseImpossible, match="got through"):
        run(partial(costs.grown_bytes, refusals=10), build)


def test_t_is_what_a_guarded_call_takes_beyond_a_bare_one_in_the_order_given() -> None:
    """Every one has its turn in each round; no figure is asserted, for the machine is shared."""
    turns: list[str] = []

    async def take(name: str) -> None:
        if turns[-1:] != [name]:
            turns.append(name)

    guarded = {name: partial(take, name) for name in ("one", "other")}
    with asyncio.Runner() as runner:
        bare_us, beyond = runner.run(costs.happy_path(guarded, rounds=2))

    assert bare_us > 0
    assert list(beyond) == ["one", "other"]
    assert turns == ["one", "other"] * 3
