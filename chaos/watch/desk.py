"""The one thread in which samples are read and queries evaluated, and what it keeps open.

One thread: the page's server goes on answering, and no table is read while it is written.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chaos.engines.state import LabState
from chaos.watch.promql.rules import Rules
from chaos.watch.recordings import LabRecording, RunRecording
from chaos.watch.sources import Recorded
from resilience.clock import SystemClock

# A run of a minute takes some 50 MB as arrays.
OPEN_RUNS = 3


class Desk:
    """Keeps the newest looked-at runs open, and records a lab that nobody else records."""

    def __init__(self, rules: Rules, clock: SystemClock) -> None:
        self._rules = rules
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="watch")
        self._runs: dict[tuple[Path, float], Recorded] = {}
        self._lab: LabRecording | None = None
        self._changing = asyncio.Lock()

    def run(self, metrics: Path, t0_s: float) -> Recorded:
        """Return the recorded series of a run."""
        key = (metrics, t0_s)
        found = self._runs.pop(key, None) or self._recorded(RunRecording(metrics, t0_s))
        self._runs[key] = found
        while len(self._runs) > OPEN_RUNS:
            del self._runs[next(iter(self._runs))]
        return found

    def lab(self) -> Recorded | None:
        """Return the series of the lab that is recorded now."""
        return None if self._lab is None else self._recorded(self._lab)

    async def record_lab(self, state: LabState | None) -> None:
        """Record this lab and no other, or none."""
        async with self._changing:
            if self._lab is not None and (state is None or state.pid != self._lab.pid):
                lab, self._lab = self._lab, None
                await lab.scraper.__aexit__(None, None, None)
            if self._lab is None and state is not None and state.ready:
                lab = LabRecording(state, self._clock)
                await lab.scraper.__aenter__()
                self._lab = lab

    async def close(self) -> None:
        """Stop recording and let the thread end."""
        await self.record_lab(None)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _recorded(self, recording: LabRecording | RunRecording) -> Recorded:
        return Recorded(recording, self._rules, self._thread)
