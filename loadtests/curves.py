"""How many closed-loop users there are over a run: functions of the share of it that has passed."""

from collections.abc import Callable

STEPS = 4
# The middle fifth of a run is the spike; outside it a tenth of the users.
SPIKE_FROM, SPIKE_TO, SPIKE_BASE = 0.4, 0.6, 0.1


def steady(_share: float, peak: int) -> int:
    """Return all users, always."""
    return peak


def step(share: float, peak: int) -> int:
    """Return a quarter of the users more in each quarter of the run."""
    return max(1, round(peak * (int(share * STEPS) + 1) / STEPS))


def spike(share: float, peak: int) -> int:
    """Return few users, all of them in the middle of the run, few again."""
    return peak if SPIKE_FROM <= share < SPIKE_TO else max(1, round(peak * SPIKE_BASE))


# Each says how many of `peak` users there are when `share`, 0 to below 1, of the run has passed.
CURVES: dict[str, Callable[[float, int], int]] = {"steady": steady, "step": step, "spike": spike}
