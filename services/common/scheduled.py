"""Jobs that run by the clock, in one process at a time, and leave a history.

One process leads (`leadership`): it alone runs jobs, one after the other, so none overlaps itself. A leader that dies
is followed within about a second by another, which finds in the history when each job was last due. That history is
written on the leader's own connection: whoever has lost the lock has no way to write a line.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resilience import Clock
from services.common.job_metrics import JobUse
from services.common.leadership import OwnConnection
from services.common.schedule import JobSettings, Turn, plan

# Between two looks at the clock: a run may begin so much late. A follower tries as often to become the leader.
TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """What is done, on the leader's connection; returns how many rows (orders, ...) it was about.

    It says something on the connection at least each `leadership.IDLE_S`, or the lead is lost.
    """

    settings: JobSettings
    work: Callable[[OwnConnection], Awaitable[int]]


class Scheduler:
    """Owns its task and its connection. `schema` is that of the service, where a migration made the table job_runs."""

    def __init__(
        self,
        url: str,
        schema: str,
        jobs: Sequence[Job],
        use: JobUse,
        *,
        clock: Clock,
        rng: random.Random,
        tell: Callable[[str, Mapping[str, Any]], None],
        tick_s: float = TICK_S,
    ) -> None:
        self._own = OwnConnection(url, lock=f"jobs of {schema}")
        self._runs = f"{schema}.job_runs"
        self._jobs = jobs
        self._use = use
        self._clock = clock
        self._rng = rng
        self._tell = tell
        self._tick_s = tick_s
        self._turns: dict[str, Turn] = {}
        self._term = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.create_task(self._run(), name="scheduled jobs")

    async def close(self) -> None:
        """End; a job that runs is cancelled, and its line in the history closed by the next leader."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        try:
            while True:
                try:
                    await self._tick()
                except Exception as exc:  # noqa: BLE001 -- a scheduler that ends does nothing for ever, and says so nowhere
                    self._follow()
                    self._own.drop()
                    self._tell("the jobs wait", {"error": str(exc) or type(exc).__name__})
                await self._clock.sleep(self._tick_s)
        finally:
            self._follow()
            self._own.drop()

    def _follow(self) -> None:
        self._use.leads = False
        self._turns.clear()

    async def _tick(self) -> None:
        """Run what is due, where this process leads."""
        if not await self._own.leads():
            self._follow()
            return
        self._use.leads = True
        if self._own.term != self._term:
            self._term = self._own.term
            self._turns.clear()
            # What the leader before had begun it did not end.
            await self._own.rows(f"UPDATE {self._runs} SET outcome = 'abandoned' WHERE outcome = 'running'")  # noqa: S608 -- our own name
        for job in self._jobs:
            turn = self._turns.get(job.settings.name) or await self._planned(job.settings)
            if turn.planned_s <= (now_s := await self._now_s()):
                await self._run_one(job, turn, late_s=now_s - turn.planned_s)
            if not self._own.leading:
                return

    async def _now_s(self) -> float:
        [row] = await self._own.rows("SELECT extract(epoch FROM clock_timestamp())::float8 AS now_s")
        return float(row["now_s"])

    async def _planned(self, settings: JobSettings) -> Turn:
        [row] = await self._own.rows(
            f"SELECT extract(epoch FROM max(due_at))::float8 AS due_s FROM {self._runs} WHERE job = $1",  # noqa: S608 -- our own name
            settings.name,
        )
        turn, left_out = plan(settings, last_due_s=row["due_s"], now_s=await self._now_s(), rng=self._rng)
        self._use.count(settings.name, "skipped", left_out)
        self._turns[settings.name] = turn
        return turn

    async def _run_one(self, job: Job, turn: Turn, *, late_s: float) -> None:
        """Run a job, with a line in the history before and after; what it raises is its outcome, not ours."""
        name = job.settings.name
        del self._turns[name]
        self._use.late_s[name] = late_s
        [line] = await self._own.rows(
            f"INSERT INTO {self._runs} (job, due_at, outcome) VALUES ($1, to_timestamp($2), 'running') RETURNING id",  # noqa: S608 -- our own name
            name,
            turn.due_s,
        )
        outcome, rows, error = "ok", 0, None
        try:
            async with asyncio.timeout(job.settings.within_s):
                rows = await job.work(self._own)
        except Exception as exc:  # noqa: BLE001 -- see above
            outcome, error = "failed", str(exc) or type(exc).__name__
            self._tell("a job failed", {"job": name, "error": error})
        self._use.count(name, outcome, 1)
        if not self._own.leading:
            # The lead went with the connection: the next leader, this one or another, closes the line.
            return
        await self._own.rows(
            f"UPDATE {self._runs} SET outcome = $2, rows = $3, error = $4, finished_at = clock_timestamp() WHERE id = $1",  # noqa: S608, E501 -- our own name
            line["id"],
            outcome,
            rows,
            error,
        )
        await self._own.rows(
            f"DELETE FROM {self._runs} WHERE job = $1 AND id <= (SELECT id FROM {self._runs} WHERE job = $1"  # noqa: S608 -- our own name
            " ORDER BY id DESC OFFSET $2 LIMIT 1)",
            name,
            job.settings.kept_runs,
        )
