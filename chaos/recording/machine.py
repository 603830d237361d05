"""What the machine had left, and what the lab took of it: a run on a full machine proves nothing about the services."""

import asyncio
import os
import platform
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import psutil

from chaos.engines.liveness import descendants
from resilience.clock import Clock

CPU_PERIOD_S = 0.5
# Summing the memory of thirty processes takes some 20 ms, so it is asked less often, and off the event loop.
MEMORY_PERIOD_S = 2.0
MIB = 2**20

# pss shares out what processes have in common (Postgres' buffers, Python's text); rss counts it once for each of them.
MemoryKind = Literal["pss", "rss"]


@dataclass(frozen=True, slots=True)
class Memory:
    """What a set of processes holds, and how that was counted."""

    mib: float
    kind: MemoryKind


@dataclass(frozen=True, slots=True)
class _CpuTimes:
    """Processor seconds of all cores since boot, at an instant of the clock."""

    at: float
    busy_s: float
    total_s: float


class MachineSampler:
    """Watches processors and memory while its block is entered; reading goes on afterwards.

    `pids` gives the processes whose memory counts, those that they have started included. Times are seconds after t0.
    """

    def __init__(self, pids: Callable[[], Iterable[int]], *, clock: Clock) -> None:
        self._pids = pids
        self._clock = clock
        self._t0: float | None = None
        self._cpu: list[_CpuTimes] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.memory_peak: Memory | None = None

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._watch_cpu()), asyncio.create_task(self._watch_memory())]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    def start_of_time(self, t0: float) -> None:
        """Say when t0 is, an instant of the clock."""
        self._t0 = t0

    def busy(self, from_s: float, to_s: float) -> float | None:
        """Return the share of all processors' time that was not idle in a window; None where it was not watched."""
        inside = [times for times in self._cpu if from_s <= self._since_t0(times.at) <= to_s]
        return _share(inside[0], inside[-1]) if inside else None

    def busy_series(self) -> list[tuple[float, float]]:
        """Return (seconds after t0, share of all processors' time that was not idle since the sample before)."""
        pairs = zip(self._cpu, self._cpu[1:], strict=False)
        shares = [(self._since_t0(later.at), _share(earlier, later)) for earlier, later in pairs]
        return [(t, share) for t, share in shares if share is not None]

    async def _watch_cpu(self) -> None:
        while True:
            self._cpu.append(_cpu_times(self._clock.now()))
            await self._clock.sleep(CPU_PERIOD_S)

    async def _watch_memory(self) -> None:
        while True:
            now = await asyncio.to_thread(memory_of, set(self._pids()))
            if self.memory_peak is None or now.mib > self.memory_peak.mib:
                self.memory_peak = now
            await self._clock.sleep(MEMORY_PERIOD_S)

    def _since_t0(self, instant: float) -> float:
        return instant - (self._clock.now() if self._t0 is None else self._t0)


def memory_of(pids: Iterable[int]) -> Memory:
    """Return the memory of processes and of all that they have started; one that ends meanwhile counts nothing.

    Counted as pss where the kernel tells it for every one of them, else as rss.
    """
    roots = set(pids)
    everyone = roots | {child.pid for child in descendants(roots)}
    shares = [_pss_bytes(pid) for pid in everyone]
    known = [share for share in shares if share is not None]
    if len(known) == len(shares):
        return Memory(sum(known) / MIB, "pss")
    return Memory(sum(_rss_bytes(pid) for pid in everyone) / MIB, "rss")


def machine_facts() -> dict[str, str]:
    """Return what a reader must know of the machine to judge the figures, ready to print."""
    return {
        "cores": str(os.cpu_count() or "unknown"),
        "cpu": _cpu_model(),
        "os": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
    }


def _cpu_times(at: float) -> _CpuTimes:
    times = psutil.cpu_times()._asdict()
    # Linux counts a guest's time within user time as well.
    total_s = sum(times.values()) - times.get("guest", 0.0) - times.get("guest_nice", 0.0)
    return _CpuTimes(at, total_s - times["idle"] - times.get("iowait", 0.0), total_s)


def _share(earlier: _CpuTimes, later: _CpuTimes) -> float | None:
    passed_s = later.total_s - earlier.total_s
    return max(0.0, later.busy_s - earlier.busy_s) / passed_s if passed_s > 0 else None


def _pss_bytes(pid: int) -> int | None:
    """Return a process's share of memory, 0 when it has ended, None where the kernel does not tell."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None if not Path("/proc/self/smaps_rollup").exists() else 0
    except OSError:
        return None
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _rss_bytes(pid: int) -> int:
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def _cpu_model() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
