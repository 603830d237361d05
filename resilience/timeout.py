"""A bound on one attempt.

It stands inside the breaker, so that a dependency that hangs is a dependency that fails. It can only cancel: a driver
that cleans up slowly on cancellation delays it, which is why a client library's own limits are set as well.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from resilience.bounds import require
from resilience.errors import AttemptTimeout

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TimeoutSettings:
    """`timeout_s`: seconds, more than 0."""

    timeout_s: float

    def __post_init__(self) -> None:
        require(self, "timeout_s", above=0)


class Timeout:
    """Cancels an attempt that takes longer than its time. Safe for any number of calls at once."""

    def __init__(self, link: str, settings: TimeoutSettings) -> None:
        self.link = link
        self._timeout_s = settings.timeout_s

    async def call(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Await `operation()` within the time; raises AttemptTimeout when it is over.

        The time is the event loop's. A TimeoutError of the operation's own passes through as it is, and so does a
        result that the operation returned in spite of the cancellation.
        """
        try:
            async with asyncio.timeout(self._timeout_s) as scope:
                return await operation()
        except TimeoutError as error:
            if scope.expired():
                raise AttemptTimeout(self.link, timeout_s=self._timeout_s) from error
            raise
