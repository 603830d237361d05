"""The lab's side of the load generator: starts Locust in a process of its own, says when, and waits for its end.

A process of its own, because importing Locust patches sockets and threads, and because its lag is a figure of the run.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol, Self

from chaos.engines.adoption import dying_with_parent
from chaos.engines.processes import MARK
from chaos.errors import LoadFailed
from chaos.recording.tail import Tail
from chaos.scenario import Load
from chaos.shield import to_the_end

READY_WITHIN_S = 30.0
STOP_WITHIN_S = 3.0
POLL_S = 0.05
LOG_LINES = 4


class ProcessLike(Protocol):
    """What is needed of a child process; asyncio.subprocess.Process is one."""

    pid: int

    @property
    def returncode(self) -> int | None:
        """Return the exit code, or None while it runs."""

    async def wait(self) -> int:
        """Wait for its end and return the exit code."""

    def terminate(self) -> None:
        """Send SIGTERM."""

    def kill(self) -> None:
        """Send SIGKILL."""


# (argv, what to add to the environment, log file) -> a running process whose output goes to the log file.
Start = Callable[[Sequence[str], Mapping[str, str], Path], Awaitable[ProcessLike]]


async def start_process(argv: Sequence[str], env: Mapping[str, str], log: Path) -> ProcessLike:
    """Start a process in a session of its own that dies with the lab where the platform can do that; raises OSError."""
    # In its own session it gets no Ctrl-C of the terminal; the death signal covers a lab that is killed.
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *dying_with_parent(signal.SIGKILL, None),
            *argv,
            env={**os.environ, **env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What to send: `arms` maps a name to its gateway's base URL, `duration_s` is settle to the end of recovery.

    `relay` is where it pushes its metrics while it sends, None for nowhere. `run` makes the customers'
    keys this run's own.
    """

    seed: int
    arms: Mapping[str, str]
    load: Load
    duration_s: float
    relay: str | None = None
    run: str = ""


class LoadProcess:
    """The load generator of one run: `async with`, then ready, go, wait_done. Leaving the block ends the process.

    Writes load.json, load.ready, load.go and requests.csv into `folder`, and Locust's output into `log`. By `mark`, the
    lab's own, the next start finds it where it outlived a killed lab: it is no child of the lab's supervisor.
    """

    def __init__(
        self, plan: LoadPlan, *, root: Path, folder: Path, log: Path, mark: str, start: Start = start_process
    ) -> None:
        self.tail = Tail(folder / "requests.csv", in_time_s=plan.load.in_time_s)
        self._plan = plan
        self._script = root / "loadtests" / "arrivals.py"
        self._folder = folder
        self._ready_file, self._go_file = folder / "load.ready", folder / "load.go"
        self._log = log
        self._mark = mark
        self._start = start
        self._process: ProcessLike | None = None

    async def __aenter__(self) -> Self:
        """Write load.json and start Locust; raises OSError, and whatever the starter raises."""
        self._ready_file.unlink(missing_ok=True)
        self._go_file.unlink(missing_ok=True)
        plan_file = self._folder / "load.json"
        plan_file.write_text(json.dumps(self._content(), indent=1))
        argv = (sys.executable, "-m", "locust", "-f", str(self._script))
        options = ("--headless", "--users", "1", "--spawn-rate", "1", "--only-summary")
        environment = {"LAB_LOAD": str(plan_file), MARK: self._mark}
        self._process = await self._start((*argv, *options), environment, self._log)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def ready(self, within_s: float = READY_WITHIN_S) -> int:
        """Wait until connections are warm and return how many arrivals the schedule has; raises LoadFailed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not self._ready_file.exists():
                    self.raise_if_ended()
                    await asyncio.sleep(POLL_S)
                return int(json.loads(self._ready_file.read_text())["arrivals"])
        raise LoadFailed(f"the load generator was not ready within {within_s:g} s{self._last_lines()}")

    def go(self, t0_epoch: float) -> None:
        """Let the first possible arrival be at `t0_epoch`, seconds since 1970 and a moment ahead; raises OSError."""
        part = self._go_file.with_suffix(".part")
        part.write_text(json.dumps({"t0": t0_epoch}))
        part.replace(self._go_file)

    def raise_if_ended(self) -> None:
        """Raise LoadFailed where the process is no longer running; for while it should be."""
        code = self._running().returncode
        if code is not None:
            raise LoadFailed(f"the load generator ended with exit code {code}{self._last_lines()}")

    async def watch(self) -> NoReturn:
        """Run beside a run: raises LoadFailed as soon as the process ends badly. Its own good end is no news."""
        if await self._running().wait() == 0:
            await asyncio.get_running_loop().create_future()
        raise LoadFailed(f"the load generator ended{self._last_lines()}")

    async def wait_done(self, within_s: float) -> None:
        """Wait until the last answer is in and every row is written; raises LoadFailed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                code = await self._running().wait()
                if code != 0:
                    self.raise_if_ended()
                return
        raise LoadFailed(f"the load generator did not end within {within_s:g} s{self._last_lines()}")

    async def stop(self) -> None:
        """End the process if it runs: SIGTERM, on which it flushes its rows, then SIGKILL; not cut short."""
        process = self._process
        if process is not None and process.returncode is None:
            await to_the_end(lambda: _end(process), restarts=1)

    def _content(self) -> dict[str, object]:
        return {
            "seed": self._plan.seed,
            "arms": dict(self._plan.arms),
            **self._plan.load.model_dump(),
            "duration_s": self._plan.duration_s,
            "records": str(self.tail.path),
            "ready": str(self._ready_file),
            "go": str(self._go_file),
            "run": self._plan.run,
            **({} if self._plan.relay is None else {"relay": self._plan.relay}),
        }

    def _running(self) -> ProcessLike:
        if self._process is None:
            raise LoadFailed("the load generator was not started")
        return self._process

    def _last_lines(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        # Locust ends with a table of statistics, empty where nothing was sent.
        own = [line for line in lines if line.startswith("loadtests: ")] or lines
        return "".join(f"\n  {line}" for line in own[-LOG_LINES:])


async def _end(process: ProcessLike) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
