"""Names and words of faults, and steps that a cancellation cannot split."""

import asyncio

import pytest

from chaos.fault_names import proxy_name, title, toxic_name
from chaos.scenario import Down, Fault, Toxic
from chaos.shield import to_the_end

TWO = ("orders_to_postgres", "inventory_to_postgres")
ONE = ("payments_to_bank",)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            Toxic(type="latency", links=TWO, attributes={"latency": 800}),
            "latency 800 ms on orders_to_postgres, inventory_to_postgres",
        ),
        (
            Toxic(type="latency", links=ONE, attributes={"latency": 800, "jitter": 50}, toxicity=0.25),
            "latency 800 ms ± 50 ms on payments_to_bank, 25 % of connections",
        ),
        (
            Toxic(type="bandwidth", links=ONE, stream="upstream", attributes={"rate": 10}),
            "bandwidth 10 KB/s upstream on payments_to_bank",
        ),
        (Toxic(type="timeout", links=ONE), "silence on payments_to_bank"),
        (
            Toxic(type="timeout", links=ONE, attributes={"timeout": 500}),
            "silence, then close after 500 ms on payments_to_bank",
        ),
        (Toxic(type="reset_peer", links=ONE), "reset on payments_to_bank"),
        (Toxic(type="reset_peer", links=ONE, attributes={"timeout": 5}), "reset after 5 ms on payments_to_bank"),
        (Down(type="down", links=TWO), "down: orders_to_postgres, inventory_to_postgres"),
    ],
)
def test_a_fault_is_said_in_words(fault: Fault, words: str) -> None:
    assert title(fault) == words


def test_toxics_that_differ_have_names_that_differ() -> None:
    """Two faults on one link stand apart; the same fault has the same name wherever it is applied."""
    plain = Toxic(type="latency", links=TWO, attributes={"latency": 800})
    others = [
        plain.model_copy(update={"attributes": {"latency": 80}}),
        plain.model_copy(update={"attributes": {"latency": 800, "jitter": 1}}),
        plain.model_copy(update={"stream": "upstream"}),
        plain.model_copy(update={"toxicity": 0.5}),
    ]
    names = [toxic_name(fault) for fault in (plain, *others)]
    assert names[0] == "latency_downstream_latency800"
    assert len(set(names)) == len(names)
    assert toxic_name(plain.model_copy(update={"links": ONE})) == names[0]
    assert proxy_name("naive", "a_to_b") == "naive.a_to_b"


class Step:
    """A step that takes three turns of the loop, and counts."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = 0
        self.ended = 0
        self.error = error

    async def __call__(self) -> int:
        self.begun += 1
        for _ in range(3):
            await asyncio.sleep(0)
        self.ended += 1
        if self.error is not None:
            raise self.error
        return self.ended


@pytest.mark.parametrize("turns", range(7))
async def test_a_step_ends_once_wherever_the_cancellation_falls(turns: int) -> None:
    """A cancelled caller ends as cancelled, after its step."""
    step = Step()
    caller = asyncio.create_task(to_the_end(step, restarts=0))
    for _ in range(turns):
        await asyncio.sleep(0)
    was_done = caller.done()
    caller.cancel()
    await asyncio.wait([caller])
    assert caller.cancelled() != was_done
    # A task that is cancelled before its first turn has begun nothing.
    assert (step.begun, step.ended) == ((0, 0) if turns == 0 else (1, 1))


async def test_a_step_is_not_split_by_many_cancellations() -> None:
    step = Step()
    caller = asyncio.create_task(to_the_end(step, restarts=0))
    await asyncio.sleep(0)
    while not caller.done():
        caller.cancel()
        await asyncio.sleep(0)
    assert caller.cancelled()
    assert (step.begun, step.ended) == (1, 1)


async def test_an_error_of_the_step_wins_over_a_cancellation() -> None:
    """A heal that failed must be heard."""
    caller = asyncio.create_task(to_the_end(Step(ValueError("not healed")), restarts=0))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(ValueError, match="not healed"):
        await caller


async def test_the_result_is_returned() -> None:
    assert await to_the_end(Step(), restarts=0) == 1


@pytest.mark.parametrize("restarts", [0, 1])
async def test_a_step_cancelled_itself_is_begun_anew(restarts: int) -> None:
    """When the loop cancels every task, a step that may be repeated still comes to its end."""
    step = Step()
    caller = asyncio.create_task(to_the_end(step, restarts=restarts))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.wait([caller])
    assert caller.cancelled()
    assert (step.begun, step.ended) == (1 + restarts, restarts)
