"""A retry budget: retries are a share of the calls, so that they cannot become the load.

In an outage each of k attempts fails, and k attempts a call are k times the load, just when the dependency can least
bear it; layers multiply. A budget of 10 % makes that 1.1 times. It belongs to one dependency, shared by all its calls.
"""

from dataclasses import dataclass

from resilience.bounds import require


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """The income and the size of the purse; a retry costs one token.

    `retry_ratio`: tokens each call brings, 0 to 1 (0.1 allows one retry for ten calls).
    `reserve_per_s`: tokens each second brings, at least 0, so that a link with few calls may retry at all.
    `burst`: the most tokens kept, at least 1; also what there is at the start.
    """

    retry_ratio: float
    reserve_per_s: float
    burst: float

    def __post_init__(self) -> None:
        require(self, "retry_ratio", at_least=0, at_most=1)
        require(self, "reserve_per_s", at_least=0)
        require(self, "burst", at_least=1)


class RetryBudget:
    """A token bucket without effects: the caller says what time it is.

    Over any time: retries <= burst + retry_ratio * calls + reserve_per_s * seconds.
    """

    def __init__(self, settings: BudgetSettings, *, now: float) -> None:
        self.settings = settings
        self.tokens = float(settings.burst)
        self._at = now

    def called(self, now: float) -> None:
        """Count a call at `now`: it brings its share of a retry."""
        self._add(now, self.settings.retry_ratio)

    def succeeded(self, now: float) -> None:
        """Count nothing: what a call brings does not hang on how it ends."""

    def failed(self, now: float) -> None:
        """Count nothing, likewise."""

    def take(self, now: float) -> bool:
        """Pay for a retry at `now`; False where there is not enough, and then nothing is paid."""
        self._add(now, 0.0)
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True

    def give_back(self) -> None:
        """Return the token of a retry that was never sent."""
        self.tokens = min(self.settings.burst, self.tokens + 1.0)

    def _add(self, now: float, tokens: float) -> None:
        settings = self.settings
        tokens += self.tokens + (now - self._at) * settings.reserve_per_s
        self._at = now
        self.tokens = min(tokens, settings.burst)
