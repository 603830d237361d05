"""What a retry asks before it tries again, so that one dependency's retries share one purse, whatever fills it.

`resilience.budget` makes retries a share of the calls; `resilience.retry_throttle` stops them while too many fail.
"""

from typing import Protocol


class RetryAllowance(Protocol):
    """Decides, without effects, whether one more retry may be sent; shared by all calls of a dependency.

    `now` is in seconds on one clock and never goes back. What ends by cancellation is told as nothing.
    """

    @property
    def tokens(self) -> float:
        """Return what is in the purse, at least 0."""
        ...

    def called(self, now: float) -> None:
        """Count a call, made once however many attempts follow."""
        ...

    def succeeded(self, now: float) -> None:
        """Count an attempt that was answered."""
        ...

    def failed(self, now: float) -> None:
        """Count an attempt that failed with an error worth a retry, whether one follows or not."""
        ...

    def take(self, now: float) -> bool:
        """Pay for a retry; False where it may not be sent, and then nothing is paid."""
        ...

    def give_back(self) -> None:
        """Return what was paid for a retry that was never sent."""
        ...
