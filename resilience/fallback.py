"""A second best answer in place of none: a stale copy, a default.

The outermost policy, so that it answers for a refusal, too. An error that the caller made (not found, declined) is an
answer already and is never papered over.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from resilience.events import FallbackUsed, Listener
from resilience.outcome import Failures, Outcome, judge

T = TypeVar("T")


class Fallback:
    """Answers for a call that failed or was refused. Safe for any number of calls at once."""

    def __init__(self, link: str, *, failures: Failures, listener: Listener) -> None:
        self.link = link
        self._failures = failures
        self._listener = listener

    async def call(self, operation: Callable[[], Awaitable[T]], fallback: Callable[[Exception], Awaitable[T]]) -> T:
        """Await `operation()`; where it failed or was refused, await `fallback(error)` and let its errors through."""
        try:
            return await operation()
        except Exception as error:
            if judge(error, self._failures) is Outcome.SUCCESS:
                raise
            self._listener(FallbackUsed(self.link, type(error).__name__))
            return await fallback(error)
