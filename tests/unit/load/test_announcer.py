"""What the lab tells the relay, and that it never waits for it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from chaos.recording import announcer as module
from chaos.recording.announcer import Announcer, NotTakenError
from tests.unit.chaos.builders import SLOW, scenario

SCENARIO = scenario(faults=[{**SLOW, "links": ["orders_to_postgres", "payments_to_postgres"]}])
(FAULT,) = SCENARIO.faults
A_FAULT = (
    'lab_fault_active{arm="naive",fault="latency 800 ms ± 100 ms on orders_to_postgres, payments_to_postgres",target='
)


class Relay:
    """Takes pages, or does what `behave` does."""

    def __init__(self, behave: Callable[[], Awaitable[None]] | None = None) -> None:
        self.pages: list[str] = []
        self.came = asyncio.Event()
        self._behave = behave

    async def send(self, page: str) -> None:
        self.pages.append(page)
        self.came.set()
        if self._behave is not None:
            await self._behave()

    async def next_page(self) -> str:
        async with asyncio.timeout(20):
            await self.came.wait()
        self.came.clear()
        return self.pages[-1]


def announcer(relay: Relay | None, notes: list[str]) -> Announcer:
    send = None if relay is None else relay.send
    return Announcer(send, SCENARIO, seed=7, engine="local", note=notes.append)


async def test_it_says_at_once_what_is_new() -> None:
    """From the first page on each fault of each arm and link is 0; it is 1 from in_force to healing."""
    relay, notes = Relay(), list[str]()

    async with announcer(relay, notes) as told:
        first = await relay.next_page()
        told.phase("fault")
        told.in_force(FAULT)
        during = await relay.next_page()
        told.healing(FAULT)
        after = await relay.next_page()

    assert 'lab_phase{phase="start"} 1' in first
    assert 'lab_phase{phase="fault"} 1' in during
    lines = [
        [line for line in page.splitlines() if line.startswith("lab_fault_active{")] for page in (first, during, after)
    ]
    assert [len(each) for each in lines] == [4, 4, 4]
    assert lines[0] == lines[2]
    assert [line.rpartition(" ")[2] for line in lines[0]] == ["0"] * 4
    assert [line.rpartition(" ")[2] for line in lines[1]] == ["1"] * 4
    assert f'{A_FAULT}"payments_to_postgres"}} 1' in lines[1]
    assert not notes


async def test_it_says_the_same_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay forgets whom it does not hear of."""
    monkeypatch.setattr(module, "PERIOD_S", 0.01)
    relay = Relay()

    async with announcer(relay, []):
        pages = [await relay.next_page() for _ in range(3)]

    assert len(set(pages)) == 1


async def refuse() -> None:
    raise NotTakenError("status 409: no")


async def break_off() -> None:
    raise ConnectionResetError("reset by peer")


async def hang() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("behave", "why"), [(refuse, "status 409: no"), (break_off, "reset by peer"), (hang, "no answer within 0.01 s")]
)
async def test_a_relay_that_does_not_take_it_is_noted_once(
    behave: Callable[[], Awaitable[None]], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run goes on, pushing is tried again, and the log has one line."""
    monkeypatch.setattr(module, "PERIOD_S", 0.01)
    monkeypatch.setattr(module, "BOUND_S", 0.01)
    relay, notes = Relay(behave), list[str]()

    async with announcer(relay, notes) as told:
        for _ in range(3):
            await relay.next_page()
        told.in_force(FAULT)

    assert notes == [f"the relay does not take what the lab says ({why}); the run goes on"]


async def test_it_ends_while_the_relay_hangs() -> None:
    """Neither the end nor a cancellation waits for a push that is under way."""
    relay = Relay(hang)

    async with asyncio.timeout(20):
        async with announcer(relay, []):
            await relay.next_page()


async def test_without_a_relay_it_does_nothing() -> None:
    notes = list[str]()

    async with announcer(None, notes) as told:
        told.phase("settle")
        told.in_force(FAULT)
        told.healing(FAULT)

    assert not notes
