"""What is looked at: the run that goes on now, a lab that is up, or a run that is over; and from where its series come.

A run that goes on is known by its folder: no verdict yet, and its records still grow.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from chaos.engines.state import LabState, live_lab
from chaos.run_folder import RunFolder
from chaos.scenario import Scenario
from chaos.watch.desk import Desk
from chaos.watch.library import PHASES, Library, Told, run_name, t0_of
from chaos.watch.sources import Prometheus, Source
from resilience.clock import SystemClock

LIVE = "live"
# The recorder writes each second; a start, the ledger and the verdict leave nothing but logs for a while.
STILL_GROWS_S = 12.0
# What has just ended is what the reader was looking at.
JUST_ENDED_S = 600.0
SLIDING_S = 600.0
ATTEND_S = 2.0
# A run whose scenario cannot be read.
UNKNOWN_S = 60.0


@dataclass(frozen=True, slots=True)
class View:
    """One thing to look at. Times are seconds since 1970; `origin_s` is what the axis counts from, None for a clock.

    `end_s` is where the axis ends (for a run that goes on: where it will), `newest_s` how far there can be samples.
    """

    key: str
    source: Source | None
    start_s: float
    end_s: float
    newest_s: float
    growing: bool
    origin_s: float | None = None
    folder: RunFolder | None = None
    scenario: Scenario | None = None
    told: Told | None = None
    arms: tuple[str, ...] = ()

    def phases(self) -> Sequence[tuple[str, float, float]]:
        """Return the phases in seconds after t0, none where no run is looked at."""
        if self.scenario is None:
            return ()
        return [(name, *self.scenario.phases.window(name)) for name in PHASES]


class Views:
    """Finds what a view's name stands for at this moment."""

    def __init__(self, root: Path, library: Library, prometheus: Prometheus, desk: Desk, clock: SystemClock) -> None:
        self._root = root
        self._library = library
        self._prometheus = prometheus
        self._desk = desk
        self._clock = clock

    async def find(self, key: str) -> View:
        """Return the view `live`, or that of a run `<scenario>/<time>`; raises UsageError for what is neither."""
        now_s = self._clock.wall()
        if key != LIVE:
            return await self._of_run(self._library.folder(key), now_s)
        growing = self._growing(now_s)
        if growing is not None:
            return await self._of_run(growing, now_s)
        lab = await self._attend(growing)
        arms = tuple(dict.fromkeys(child.arm for child in lab.children if child.arm)) if lab else ()
        if await self._prometheus.there():
            return self._sliding(self._prometheus, now_s, arms)
        if (recorded := self._desk.lab()) is not None:
            return self._sliding(recorded, now_s, arms)
        return await self._just_ended(now_s) or View(LIVE, None, now_s - SLIDING_S, now_s, now_s, growing=False)

    async def attend(self) -> NoReturn:
        """Record a lab that is up from the moment it is, whether somebody looks or not."""
        while True:
            await self._attend(self._growing(self._clock.wall()))
            if (recorded := self._desk.lab()) is not None:
                await recorded.span_s()
            await self._clock.sleep(ATTEND_S)

    async def _attend(self, growing: RunFolder | None) -> LabState | None:
        """Record the lab that is up where nobody else does; returns it, None where none is."""
        lab = live_lab(self._root)
        await self._desk.record_lab(None if growing is not None or await self._prometheus.there() else lab)
        return lab

    def _growing(self, now_s: float) -> RunFolder | None:
        newest = next(iter(self._library.folders()), None)
        if newest is None or newest.run_json.exists():
            return None
        return newest if now_s - _touched_s(newest) < STILL_GROWS_S else None

    async def _just_ended(self, now_s: float) -> View | None:
        newest = next(iter(self._library.folders()), None)
        if newest is None or now_s - _touched_s(newest) > JUST_ENDED_S:
            return None
        return await self._of_run(newest, now_s)

    async def _of_run(self, folder: RunFolder, now_s: float) -> View:
        told, scenario, t0 = self._library.told(folder), self._library.scenario(folder), t0_of(folder)
        growing = told is None and now_s - _touched_s(folder) < STILL_GROWS_S
        origin = t0 if t0 is not None else now_s
        source, newest_s = await self._source_of(folder, t0, now_s, growing=growing)
        planned_s = scenario.phases.load_s if scenario else UNKNOWN_S
        end_s = max(origin + (told.end_s if told else planned_s), origin if growing else newest_s)
        return View(
            run_name(folder), source, origin, end_s, newest_s,
            growing=growing, origin_s=origin, folder=folder, scenario=scenario, told=told,
            arms=tuple(arm.name for arm in scenario.arms) if scenario else (),
        )  # fmt: skip

    async def _source_of(
        self, folder: RunFolder, t0: float | None, now_s: float, *, growing: bool
    ) -> tuple[Source | None, float]:
        """Return whom to ask about a run, and how far there can be samples."""
        if t0 is None:
            # The axis begins with the first possible customer, and that is yet to come.
            return None, now_s - 1.0
        if growing and await self._prometheus.there():
            return self._prometheus, now_s
        recorded = self._desk.run(folder.metrics_jsonl, t0)
        span = await recorded.span_s()
        return recorded, span[1] if span else t0

    @staticmethod
    def _sliding(source: Source, now_s: float, arms: tuple[str, ...]) -> View:
        return View(LIVE, source, now_s - SLIDING_S, now_s, now_s, growing=True, arms=arms)


def _touched_s(folder: RunFolder) -> float:
    """Return when a run last wrote something, seconds since 1970."""
    written = (folder.path, folder.metrics_jsonl, folder.requests_csv, folder.run_json, *folder.logs.glob("*.log"))
    newest = 0.0
    for path in written:
        with suppress(OSError):
            newest = max(newest, path.stat().st_mtime)
    return newest
