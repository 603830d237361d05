"""Looks at a running lab twice a second and shows it: the newest rows of the load and the newest samples."""

import asyncio
from contextlib import suppress
from typing import Protocol, Self

from chaos.recording.tail import LiveFigures, Tail
from chaos.scenario import Kind, Scenario
from chaos.terminal.frames import ArmFrame, LiveFrame, Terminal
from resilience.clock import Clock
from resilience.metrics import BREAKER_STATE, BREAKER_STATE_VALUES
from resilience.states import BreakerState
from services.common.metrics import DB_POOL_WAITING

PERIOD_S = 0.5
POOLS = ("orders", "inventory", "payments")
_STATES = {value: state.name.lower().replace("_", "-") for state, value in BREAKER_STATE_VALUES.items()}
OPEN = BREAKER_STATE_VALUES[BreakerState.OPEN]


class Samples(Protocol):
    """What is needed of the recorder."""

    def latest(self, arm: str, service: str, metric: str, **labels: str) -> float | None:
        """Return a metric's newest value, None where there is none."""


class LiveView:
    """Shows frames while its block is entered. `t0` is an instant of `clock`."""

    def __init__(
        self, terminal: Terminal, scenario: Scenario, tail: Tail, samples: Samples, *, clock: Clock, t0: float
    ) -> None:
        self._terminal = terminal
        self._scenario = scenario
        self._tail = tail
        self._samples = samples
        self._clock = clock
        self._t0 = t0
        self._opened: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch(), name="live view")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop looking. What went wrong with a look is no reason to lose a run."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            error = None if self._task.cancelled() else self._task.exception()
            if error is not None:
                self._terminal.note(f"the live figures stopped early: {error!r}")

    def frame(self) -> LiveFrame:
        """Return what is to be seen now."""
        now_s = self._clock.now() - self._t0
        found: dict[tuple[str, Kind], LiveFigures] = {}
        # The file may be locked, gone or cut short at this instant; the next look will do.
        with suppress(OSError, ValueError, KeyError):
            found = self._tail.last_second(now_s)
        total_s = self._scenario.phases.load_s
        arms = tuple(self._arm(arm.name, found, now_s) for arm in self._scenario.arms)
        return LiveFrame(t_s=min(max(0.0, now_s), total_s), total_s=total_s, arms=arms)

    async def _watch(self) -> None:
        await self._clock.sleep(max(0.0, self._t0 - self._clock.now()))
        while True:
            self._terminal.live(self.frame())
            await self._clock.sleep(PERIOD_S)

    def _arm(self, arm: str, found: dict[tuple[str, Kind], LiveFigures], now_s: float) -> ArmFrame:
        load = self._scenario.load
        looking = load.looking
        checkout, browse = found.get((arm, "checkout")), found.get((arm, looking))
        waiting = [self._samples.latest(arm, service, DB_POOL_WAITING) for service in POOLS]
        known = [value for value in waiting if value is not None]
        return ArmFrame(
            name=arm,
            checkout_per_s=checkout.in_time_per_s if checkout else 0.0,
            checkout_p95_ms=checkout.p95_ms if checkout else None,
            browse_share=browse.in_time_share if browse else None,
            browse_p95_ms=browse.p95_ms if browse else None,
            waiting=round(sum(known)) if known else None,
            breaker=self._breaker(arm, now_s),
            looking=looking,
        )

    def _breaker(self, arm: str, now_s: float) -> str:
        """Return the worst state of the arm's breakers on the faulted links, and for how long one has been open."""
        states = [
            self._samples.latest(arm, link.partition("_to_")[0], BREAKER_STATE, link=link)
            for link in self._scenario.faulted_links
        ]
        known = [round(state) for state in states if state is not None]
        if not known:
            return "-"
        worst = max(known)
        if worst < OPEN:
            self._opened.pop(arm, None)
            return _STATES.get(worst, "-")
        opened = self._opened.setdefault(arm, now_s)
        return f"{_STATES[worst]} {now_s - opened:.1f} s"
