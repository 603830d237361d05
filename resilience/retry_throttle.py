"""A retry throttle: no retries at all while too large a share of the attempts fails.

Where a budget still sends its share of retries into an outage, this sends none. It counts attempts, not time: it needs
no clock, and a link without calls stays as it is. One belongs to one dependency, shared by all its calls.
"""

from dataclasses import dataclass

from resilience.bounds import require


@dataclass(frozen=True, slots=True)
class RetryThrottleSettings:
    """`max_tokens`: the most tokens kept and what there is at the start, more than 0, at most 1000.

    `token_ratio`: what a success brings, where a failure costs 1; more than 0, at most 1. Both as in gRPC's proposal
    A6, "gRPC Retry Design"; the defaults are its example's.
    """

    max_tokens: float = 10.0
    token_ratio: float = 0.1

    def __post_init__(self) -> None:
        require(self, "max_tokens", above=0, at_most=1000)
        require(self, "token_ratio", above=0, at_most=1)


class RetryThrottle:
    """Counts attempts without effects: retries are allowed while more than half of the tokens are there.

    With r = `token_ratio`, a steady share of failures above r / (1 + r) (9.1 % for 0.1) drains it, a smaller one fills
    it. From full, `max_tokens` / 2 more failures than successes bring can make good end the retries.
    """

    def __init__(self, settings: RetryThrottleSettings) -> None:
        self.settings = settings
        self.tokens = float(settings.max_tokens)

    def called(self, now: float) -> None:
        """Count nothing: attempts are what counts."""

    def succeeded(self, now: float) -> None:  # noqa: ARG002 -- an allowance may need the time, this one does not
        """Count an attempt that was answered."""
        self.tokens = min(self.tokens + self.settings.token_ratio, self.settings.max_tokens)

    def failed(self, now: float) -> None:  # noqa: ARG002
        """Count an attempt that failed."""
        self.tokens = max(self.tokens - 1.0, 0.0)

    def take(self, now: float) -> bool:  # noqa: ARG002
        """Return whether a retry may be sent; it costs nothing by itself, its failure will."""
        return self.tokens > self.settings.max_tokens / 2

    def give_back(self) -> None:
        """Change nothing: nothing was paid."""
