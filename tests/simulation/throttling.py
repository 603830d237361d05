"""Demand of ten times what a server can do, where saying no costs the server something, too."""

from dataclasses import dataclass

from resilience.throttle import AdaptiveThrottle, ThrottleSettings
from tests.simulation.engine import Simulation

DEMAND_PER_S = 1000.0
CAPACITY_PER_S = 100.0
WINDOW_S = 10.0
WARM_UP_S = 60
SECONDS = 160


class Capacity:
    """A server that does so much work a second: a request is 1, a refusal `refusal_cost`.

    What is more than it can do is a refusal, and a refusal must be said: its work is done first. Never is it
    more than a second of work ahead or behind.
    """

    def __init__(self, refusal_cost: float) -> None:
        self._refusal_cost = refusal_cost
        self._free = 0.0
        self._at = 0.0

    def accepts(self, now: float) -> bool:
        """Do a request's work, or a refusal's."""
        self._free = min(self._free + (now - self._at) * CAPACITY_PER_S, CAPACITY_PER_S)
        self._at = now
        accepted = self._free >= 1.0
        self._free = max(self._free - (1.0 if accepted else self._refusal_cost), -CAPACITY_PER_S)
        return accepted


@dataclass(slots=True)
class Flow:
    """Requests a second."""

    sent_per_s: float = 0.0
    accepted_per_s: float = 0.0


def flow(ratio: float | None, *, refusal_cost: float, seed: int = 1) -> Flow:
    """Return what is sent and accepted once it has settled; a ratio of None throttles nothing."""
    simulation = Simulation(seed)
    server = Capacity(refusal_cost)
    settings = None if ratio is None else ThrottleSettings(ratio=ratio, window_s=WINDOW_S)
    throttle = None if settings is None else AdaptiveThrottle(settings, now=0.0)
    seen = Flow()
    share = 1.0 / (SECONDS - WARM_UP_S)

    def ask() -> None:
        now = simulation.now
        if throttle is not None and not throttle.admit(now, simulation.rng):
            return
        accepted = server.accepts(now)
        if throttle is not None:
            # The answer comes at once.
            throttle.settle(throttle.sent(), counts=True)
            if accepted:
                throttle.accepted(now)
        if now >= WARM_UP_S:
            seen.sent_per_s += share
            seen.accepted_per_s += share * accepted

    simulation.arrivals(DEMAND_PER_S, ask)
    simulation.run(until=SECONDS)
    return seen


def accepted_in_theory(ratio: float, refusal_cost: float) -> float:
    """Return C / (1 + (K - 1) c): of K requests sent one is accepted, and K - 1 cost c each to refuse."""
    return CAPACITY_PER_S / (1 + (ratio - 1) * refusal_cost)
