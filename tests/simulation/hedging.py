"""A service with a slow share, and a second call beside a late first one: what the tail becomes, and what it costs.

The durations: lognormal around 10 ms (sigma 0.3), but in 1.5 % of the calls uniform between 200 ms and 1 s. Both calls
of a pair draw on their own, as two replicas would.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from resilience.budget import BudgetSettings, RetryBudget
from resilience.hedge import HedgeDelay, HedgeSettings
from tests.simulation.engine import Simulation

CALLS_PER_S = 100.0
SLOW_SHARE = 0.015
WARM_UP_S = 100.0
# More than any quantile asks for.
PLENTY = BudgetSettings(retry_ratio=1.0, reserve_per_s=0.0, burst=10.0)


def duration_s(rng: Random) -> float:
    """Draw how long a call takes."""
    if rng.random() < SLOW_SHARE:
        return rng.uniform(0.2, 1.0)
    return 0.010 * rng.lognormvariate(0.0, 0.3)


def learnt(quantile: float, budget: BudgetSettings = PLENTY) -> HedgeSettings:
    """Return a hedge whose delay is what it learns, bounded by nothing that matters here."""
    return HedgeSettings(quantile, min_delay_s=0.001, max_delay_s=1.0, budget=budget)


def fixed(delay_s: float, budget: BudgetSettings = PLENTY) -> HedgeSettings:
    """Return a hedge whose delay is this."""
    return HedgeSettings(0.5, min_delay_s=delay_s, max_delay_s=delay_s, budget=budget)


def true_quantile_s(quantile: float) -> float:
    """Return the quantile of the durations, by halving: of the tenth of a microsecond."""
    low, high = 0.0, 1.0
    while high - low > 1e-7:
        middle = (low + high) / 2
        low, high = (middle, high) if share_above(middle) > 1 - quantile else (low, middle)
    return high


def share_above(seconds: float) -> float:
    """Return the share of calls that take longer."""
    usual = 0.5 * math.erfc(math.log(seconds / 0.010) / 0.3 / math.sqrt(2))
    slow = min(1.0, max(0.0, (1.0 - seconds) / 0.8))
    return (1 - SLOW_SHARE) * usual + SLOW_SHARE * slow


@dataclass(frozen=True, slots=True)
class Tail:
    """Milliseconds at two quantiles, and second calls a call."""

    p99_ms: float
    p999_ms: float
    extra: float


class Hedged:
    """Calls with a second one beside those that are late, by the delay and the budget of the policy."""

    def __init__(self, simulation: Simulation, settings: HedgeSettings | None) -> None:
        self._simulation = simulation
        self._delay = HedgeDelay(settings) if settings else None
        self._budget = RetryBudget(settings.budget if settings else PLENTY, now=simulation.now)
        self.seconds: list[float] = []
        self.extra = 0

    def call(self) -> None:
        """Begin a call."""
        first_s = duration_s(self._simulation.rng)
        self._budget.called(self._simulation.now)
        if self._delay is None or first_s <= self._delay.delay_s:
            self._simulation.after(first_s, self._answered, first_s)
        else:
            self._simulation.after(self._delay.delay_s, self._late, first_s, self._delay.delay_s)

    def _late(self, first_s: float, delay_s: float) -> None:
        answered_s = first_s
        if self._budget.take(self._simulation.now):
            self.extra += self._simulation.now >= WARM_UP_S
            answered_s = min(first_s, delay_s + duration_s(self._simulation.rng))
        self._simulation.after(answered_s - delay_s, self._answered, answered_s)

    def _answered(self, after_s: float) -> None:
        if self._delay is not None:
            self._delay.answered(after_s)
        if self._simulation.now >= WARM_UP_S:
            self.seconds.append(after_s)


def tail(settings: HedgeSettings | None, *, seed: int = 1, calls: int = 100_000) -> Tail:
    """Return the tail of about so many calls, once the delay is learnt; None hedges nothing."""
    simulation = Simulation(seed)
    hedged = Hedged(simulation, settings)
    simulation.arrivals(CALLS_PER_S, hedged.call)
    simulation.run(until=WARM_UP_S + calls / CALLS_PER_S)
    ordered = sorted(hedged.seconds)
    return Tail(
        p99_ms=1000 * ordered[int(0.99 * len(ordered))],
        p999_ms=1000 * ordered[int(0.999 * len(ordered))],
        extra=hedged.extra / len(ordered),
    )


def slow_requests(fan_out: int, *, slow_share: float, seed: int = 1, requests: int = 20_000) -> float:
    """Return the share of requests of which at least one of the calls is slow."""
    rng: Random = Simulation(seed).rng
    calls: Sequence[int] = range(fan_out)
    return sum(any(rng.random() < slow_share for _ in calls) for _ in range(requests)) / requests
