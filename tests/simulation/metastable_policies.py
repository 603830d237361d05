"""The policies of the metastable cases, each spelled out once, and how far a seed may lie from the mean."""

import math
from collections.abc import Callable

from resilience.admission_queue import QueueSettings
from resilience.breaker_machine import BreakerSettings
from resilience.budget import BudgetSettings, RetryBudget
from resilience.codel import CoDelSettings
from resilience.retry import RetrySettings
from resilience.retry_throttle import RetryThrottle, RetryThrottleSettings
from resilience.throttle import ThrottleSettings
from resilience.windows import TimeWindow
from tests.simulation.client import Guards
from tests.simulation.metastable import OUTAGE_S, SERVICE_PER_S
from tests.simulation.server import FOR_EVER, UNBOUNDED

Range = tuple[float, float]


def retries(attempts: int) -> RetrySettings:
    """Return retries at once, or nearly: the settings want a wait, this one is a microsecond at most."""
    return RetrySettings(attempts, base_wait_s=1e-6, max_wait_s=1e-6)


THREE = retries(3)
LIFO = QueueSettings(max_waiting=UNBOUNDED.max_waiting, max_wait_s=FOR_EVER, order="lifo")
CODEL = QueueSettings(max_waiting=UNBOUNDED.max_waiting, max_wait_s=FOR_EVER, codel=CoDelSettings())
MARGIN = QueueSettings(max_waiting=UNBOUNDED.max_waiting, max_wait_s=FOR_EVER, margin_s=0.005)


def places(waiting: int) -> QueueSettings:
    """Return a queue of so many places and no other bound."""
    return QueueSettings(max_waiting=waiting, max_wait_s=FOR_EVER)


def backing_off(base_wait_s: float, max_wait_s: float) -> Guards:
    """Return three attempts with full jitter between them."""
    return Guards(RetrySettings(3, base_wait_s=base_wait_s, max_wait_s=max_wait_s))


def budget(ratio: float) -> Callable[[], RetryBudget]:
    """Return what makes a budget that fills by calls alone."""
    return lambda: RetryBudget(BudgetSettings(retry_ratio=ratio, reserve_per_s=0.0, burst=10.0), now=0.0)


def budgeted(ratio: float) -> Guards:
    """Return three attempts that share a budget."""
    return Guards(THREE, allowance=budget(ratio))


def retry_throttle() -> RetryThrottle:
    """Return gRPC's, with its defaults."""
    return RetryThrottle(RetryThrottleSettings())


def broken(open_s: float) -> Guards:
    """Return three attempts behind a breaker of 10 s and 50 %, with three probes."""
    window = TimeWindow(window_s=10.0, min_calls=10, failure_rate=0.5)
    return Guards(THREE, breaker=BreakerSettings(window, open_s=open_s, probes=3))


def throttled(ratio: float, window_s: float) -> Guards:
    """Return three attempts behind an adaptive throttle."""
    return Guards(THREE, throttle=ThrottleSettings(ratio=ratio, window_s=window_s))


def walk(rate_per_s: float, *, again: float = 0.0, attempts: int = 2) -> Range:
    """Return when the backlog of the outage has shrunk to a queue of 1 s: the mean -+ three standard deviations.

    The queue shrinks by mu - offered a second, at random. `again` of the calls are tried again, 1 s after each attempt,
    so of those the outage's last second brings none.
    """
    shares = [again] * (attempts - 1)
    backlog = rate_per_s * (OUTAGE_S + sum(share * (OUTAGE_S - n) for n, share in enumerate(shares, start=1)))
    offered_per_s = rate_per_s * (1 + sum(shares))
    shrinks_per_s = SERVICE_PER_S - offered_per_s
    mean_s = (backlog - SERVICE_PER_S) / shrinks_per_s
    spread_s = math.sqrt((SERVICE_PER_S + offered_per_s) * mean_s + backlog) / shrinks_per_s
    return (mean_s - 3 * spread_s, mean_s + 3 * spread_s)
