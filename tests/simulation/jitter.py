"""Clients that all want to change one row at once: what the wait between their tries costs, in calls and in time.

The model of the AWS Architecture Blog, "Exponential Backoff And Jitter" (2015): each client reads the row, and writes
it with the version that it read. If the version has changed in between the write fails, and the client backs off, then
reads again. Each message takes 10 ms, give or take 2 (normal). Only the writes are counted as calls, as over there.
"""

from dataclasses import dataclass

from resilience.retry import RetrySchedule, RetrySettings
from resilience.retry_waits import Jitter
from tests.simulation.engine import Action, Simulation

BASE_S = 0.005
CAP_S = 2.0
TRIES = 1_000_000
CONFLICT = RuntimeError("the row has changed")


@dataclass(slots=True)
class Row:
    """What all want to change."""

    version: int = 0
    writes: int = 0


class Contender:
    """A client that changes the row once. Without a schedule it does not wait at all."""

    def __init__(self, simulation: Simulation, row: Row, schedule: RetrySchedule | None) -> None:
        self._simulation = simulation
        self._row = row
        self._schedule = schedule
        self._tries = 0
        self._waited_s = 0.0
        self._send(0.0, self._read)

    def _send(self, wait_s: float, action: Action, *arguments: object) -> None:
        network_s = abs(self._simulation.rng.normalvariate(0.010, 0.002))
        self._simulation.after(wait_s + network_s, action, *arguments)

    def _read(self) -> None:
        self._send(0.0, self._has_read, self._row.version)

    def _has_read(self, version: int) -> None:
        self._send(0.0, self._write, version)

    def _write(self, version: int) -> None:
        self._row.writes += 1
        if version == self._row.version:
            self._row.version += 1
            self._send(0.0, self._has_won)
        else:
            self._send(0.0, self._has_lost)

    def _has_won(self) -> None:
        """Rest."""

    def _has_lost(self) -> None:
        self._tries += 1
        if self._schedule is not None:
            wait_s = self._schedule.wait_s(self._tries, self._simulation.now, CONFLICT, before_s=self._waited_s)
            assert wait_s is not None
            self._waited_s = wait_s
        self._send(self._waited_s, self._read)


def schedule(jitter: Jitter, simulation: Simulation) -> RetrySchedule:
    """Return the schedule of the blog's settings.

    There the first wait is drawn from base * 2, here from base: so base is doubled, but for decorrelated jitter, which
    does not count the tries.
    """
    base_s = BASE_S if jitter == "decorrelated" else 2 * BASE_S
    return RetrySchedule(RetrySettings(TRIES, base_wait_s=base_s, max_wait_s=CAP_S, jitter=jitter), rng=simulation.rng)


def contend(clients: int, jitter: Jitter | None, *, seed: int) -> tuple[int, float]:
    """Let all clients change the row; return the writes tried, and the seconds until the last has succeeded."""
    simulation = Simulation(seed)
    row = Row()
    waits = None if jitter is None else schedule(jitter, simulation)
    for _ in range(clients):
        Contender(simulation, row, waits)
    simulation.run()
    return row.writes, simulation.now


def average(clients: int, jitter: Jitter | None, *, runs: int) -> tuple[float, float]:
    """Return the means of `contend` over as many seeds."""
    seen = [contend(clients, jitter, seed=seed) for seed in range(1, runs + 1)]
    return sum(writes for writes, _ in seen) / runs, sum(seconds for _, seconds in seen) / runs


# Clients: what each wait is known to cost, as writes and milliseconds; None is no wait at all.
KNOWN: dict[int, dict[Jitter | None, tuple[float, float]]] = {
    20: {
        None: (150, 598),
        "none": (148, 14_285),
        "equal": (108, 1_656),
        "full": (100, 1_032),
        "decorrelated": (100, 819),
    },
    50: {
        None: (686, 1_132),
        "none": (623, 36_258),
        "equal": (347, 4_360),
        "full": (332, 2_835),
        "decorrelated": (374, 2_269),
    },
    100: {
        None: (2_429, 2_030),
        "none": (1_859, 63_433),
        "equal": (813, 6_722),
        "full": (795, 4_945),
        "decorrelated": (999, 4_677),
    },
    190: {
        None: (7_999, 3_540),
        "none": (5_168, 101_400),
        "equal": (1_761, 9_466),
        "full": (1_769, 7_327),
        "decorrelated": (2_430, 7_852),
    },
}
