"""A cached value that many read runs out: how many of them compute it again, and how early."""

import math
from dataclasses import dataclass

from resilience.xfetch import refresh_now
from tests.simulation.engine import Simulation

COST_S = 1.0
# In computations: long enough for the earliest lot, short enough to see many expiries.
LIFETIME = 15.0


@dataclass(frozen=True, slots=True)
class Expiries:
    """Computations for each expiry, and how many seconds before it the first began."""

    computations: float
    early_s: float


class Cache:
    """One value; who is told to computes it anew, and whoever comes meanwhile decides for himself."""

    def __init__(self, simulation: Simulation, *, cost_s: float, beta: float) -> None:
        self._simulation = simulation
        self._told_cost_s = cost_s
        self._beta = beta
        self._lifetime_s = LIFETIME * beta * COST_S
        self._expires_at = self._lifetime_s
        self._first = True
        self.expiries = 0
        self.computations = 0
        self.early_s = 0.0

    def read(self) -> None:
        """Read the value, or begin to compute it."""
        now = self._simulation.now
        if not refresh_now(now, self._expires_at, self._told_cost_s, self._beta, self._simulation.rng):
            return
        self.computations += 1
        if self._first:
            self._first = False
            self.expiries += 1
            self.early_s += self._expires_at - now
            self._simulation.after(COST_S, self._store)

    def _store(self) -> None:
        self._first = True
        self._expires_at = self._simulation.now + self._lifetime_s


def observe(rate_per_s: float, *, beta: float | None, expiries: int, seed: int = 1) -> Expiries:
    """Return what readers see in so many expiries; without a beta nobody is early, for a cost of 0 is none."""
    simulation = Simulation(seed)
    cache = Cache(simulation, cost_s=COST_S if beta else 0.0, beta=beta or 1.0)
    simulation.arrivals(rate_per_s, cache.read)
    while cache.expiries <= expiries:
        simulation.run(until=simulation.now + COST_S)
    return Expiries(cache.computations / cache.expiries, cache.early_s / cache.expiries)


def early_s(rate_per_s: float, beta: float) -> float:
    """Return beta * cost * (ln(rate * beta * cost) + 0.577): the mean of the first lot drawn, a Gumbel variable."""
    return beta * COST_S * (math.log(rate_per_s * beta * COST_S) + 0.577)
