"""Tells the relay what the lab is doing, so that a picture of the run shows its phases and its faults as they are.

Nobody waits for it: the run only says what is new, a task of its own pushes it, and a push that fails is forgotten. The
windows that a verdict rests on are the run's own (chaos.faults.InForce), never these.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Self

import aiohttp

from chaos.fault_names import title
from chaos.lab_metrics import FaultLabels, RunLabels, page
from chaos.scenario import Fault, Scenario

# The relay's name in compose.yaml, and ours among its sources.
RELAY = "relay"
SOURCE = "lab"
PERIOD_S = 1.0
# One push; a relay that hangs is asked again a moment later.
BOUND_S = 0.5

# Takes a page; raises where it was not taken.
Send = Callable[[str], Awaitable[None]]


class NotTakenError(Exception):
    """The relay answered with something else than 204."""


class Announcer:
    """Pushes while its block is entered: each second, and at once when something is new.

    `send` is None where there is no relay: then it does nothing. `note` is told once where pushing does not work.
    """

    def __init__(
        self, send: Send | None, scenario: Scenario, *, seed: int, engine: str, note: Callable[[str], None]
    ) -> None:
        self._send, self._note = send, note
        self._run = RunLabels(scenario.name, seed, engine)
        self._arms = tuple(arm.name for arm in scenario.arms)
        self._faults = dict.fromkeys((labels for fault in scenario.faults for labels in self._labels(fault)), False)
        self._phase = "start"
        self._news = asyncio.Event()
        self._noted = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._send is not None:
            self._task = asyncio.create_task(self._push_on(self._send), name="tell the relay")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop at once; the relay forgets a source that is silent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def phase(self, name: str) -> None:
        """Say that a phase begins."""
        self._phase = name
        self._news.set()

    def in_force(self, fault: Fault) -> None:
        """Say that a fault is in force on every arm."""
        self._set(fault, active=True)

    def healing(self, fault: Fault) -> None:
        """Say that a fault is being taken out."""
        self._set(fault, active=False)

    def _set(self, fault: Fault, *, active: bool) -> None:
        self._faults |= dict.fromkeys(self._labels(fault), active)
        self._news.set()

    def _labels(self, fault: Fault) -> list[FaultLabels]:
        return [FaultLabels(arm, title(fault), link) for arm in self._arms for link in fault.targets]

    async def _push_on(self, send: Send) -> None:
        while True:
            self._news.clear()
            await self._push(send)
            with suppress(TimeoutError):
                async with asyncio.timeout(PERIOD_S):
                    await self._news.wait()

    async def _push(self, send: Send) -> None:
        try:
            async with asyncio.timeout(BOUND_S):
                await send(page(self._run, self._phase, self._faults))
        except (OSError, TimeoutError, aiohttp.ClientError, NotTakenError) as error:
            if not self._noted:
                self._noted = True
                why = str(error) or f"no answer within {BOUND_S:g} s"
                self._note(f"the relay does not take what the lab says ({why}); the run goes on")


@asynccontextmanager
async def announcing(
    url: str | None, scenario: Scenario, *, seed: int, engine: str, note: Callable[[str], None]
) -> AsyncIterator[Announcer]:
    """Announce a run to the relay at `url`, None for no relay, while the block is open."""
    async with aiohttp.ClientSession() as http:
        send = None if url is None else to_relay(http, url)
        async with Announcer(send, scenario, seed=seed, engine=engine, note=note) as announcer:
            yield announcer


def to_relay(http: aiohttp.ClientSession, url: str) -> Send:
    """Return how a page is put to the relay at `url`."""

    async def send(text: str) -> None:
        async with http.put(f"{url}/sources/{SOURCE}", data=text.encode()) as answer:
            if answer.status != 204:  # noqa: PLR2004 - HTTP's own
                raise NotTakenError(f"status {answer.status}: {(await answer.text())[:200]}")

    return send
