"""How a load changes over a test: each shape as a function of the share of the test that has passed.

The same shapes move the rate of open arrivals and the number of users who wait.
"""

from collections.abc import Callable

STEPS = 4
# The middle fifth of a test is the spike; outside it there is a tenth of the load.
SPIKE_FROM, SPIKE_TO, SPIKE_BASE = 0.4, 0.6, 0.1
RAMP_BASE = 0.05


def steady(_share: float) -> float:
    """Return all of it, always."""
    return 1.0


def step(share: float) -> float:
    """Return a quarter more in each quarter of the test."""
    return (int(share * STEPS) + 1) / STEPS


def spike(share: float) -> float:
    """Return little, all of it in the middle of the test, little again."""
    return 1.0 if SPIKE_FROM <= share < SPIKE_TO else SPIKE_BASE


def ramp(share: float) -> float:
    """Return a straight line from next to nothing to all: it passes the knee of whatever has one on the way."""
    return RAMP_BASE + (1 - RAMP_BASE) * share


# Each returns which part of the peak there is when `share`, 0 to below 1, of the test has passed.
CURVES: dict[str, Callable[[float], float]] = {"steady": steady, "step": step, "spike": spike, "ramp": ramp}


def users_at(curve: str, share: float, peak: int) -> int:
    """Return how many users there are; never fewer than one, for a test without users ends."""
    return max(1, round(peak * CURVES[curve](share)))
