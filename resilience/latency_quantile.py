"""How long a call usually takes, as one quantile of the last calls.

A fixed number is wrong on the day the dependency changes. The last durations, kept in the order they came and in the
order of their size, give the quantile exactly, not as an estimate: putting one in and taking the oldest out is a search
and a move within a list of some hundred floats.
"""

import math
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass

from resilience.bounds import require

# Of a full window this many durations lie above the quantile, so a chance few do not move it far; for 0.95 the window
# is 400 calls, and the rank of what is told is off by 1.1 % (one standard error, sqrt(q * (1 - q) / window)).
ABOVE = 20
ABOVE_TO_BEGIN = 5
# Below the median a window sized like this would be a handful of calls.
SMALLEST_WINDOW = 100


@dataclass(frozen=True, slots=True)
class QuantileSettings:
    """`quantile`: more than 0, at most 0.99; beyond that the window would have to hold many thousand calls."""

    quantile: float

    def __post_init__(self) -> None:
        require(self, "quantile", above=0, at_most=0.99)

    @property
    def window(self) -> int:
        """Return how many of the last durations count."""
        return max(SMALLEST_WINDOW, round(ABOVE / (1 - self.quantile)))

    @property
    def enough(self) -> int:
        """Return how many durations there must be before the quantile is told."""
        return self.window * ABOVE_TO_BEGIN // ABOVE


class LatencyQuantile:
    """Keeps the last `window` durations; memory and the cost of one are bounded by the window, not by the calls.

    `value_s` is exact: of the n durations held, the one at rank ceil(quantile * n) in the order of size (the inverse of
    their distribution function); None while there are fewer than `enough`.
    """

    def __init__(self, settings: QuantileSettings) -> None:
        self.value_s: float | None = None
        self._quantile = settings.quantile
        self._enough = settings.enough
        self._by_age: deque[float] = deque(maxlen=settings.window)
        self._by_size: list[float] = []

    def add(self, duration_s: float) -> None:
        """Count a duration, in seconds, at least 0; the oldest of a full window is forgotten."""
        by_age, by_size = self._by_age, self._by_size
        if len(by_age) == by_age.maxlen:
            del by_size[bisect_left(by_size, by_age[0])]
        by_age.append(duration_s)
        insort(by_size, duration_s)
        held = len(by_size)
        if held >= self._enough:
            self.value_s = by_size[math.ceil(self._quantile * held) - 1]
