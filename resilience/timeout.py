"""A bound on one attempt.

It stands inside the breaker, so that a dependency that hangs is a dependency that fails. It can only cancel: a driver
that cleans up slowly on cancellation delays it, which is why a client library's own limits are set as well.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from resilience.bounds import require
from resilience.clock import Clock
from resilience.deadline import deadline_at, restore
from resilience.errors import AttemptTimeout, DeadlineExceeded
from resilience.events import Listener, Refused, ignore

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TimeoutSettings:
    """`timeout_s`: seconds, more than 0."""

    timeout_s: float

    def __post_init__(self) -> None:
        require(self, "timeout_s", above=0)


class Timeout:
    """Cancels an attempt that takes longer than its time. Safe for any number of calls at once."""

    def __init__(self, link: str, settings: TimeoutSettings, *, clock: Clock, listener: Listener = ignore) -> None:
        self.link = link
        self._timeout_s = settings.timeout_s
        self._clock = clock
        self._listener = listener

    async def call(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Await `operation()` for `timeout_s`, or for what the deadline leaves where that is less.

        Inside, the deadline is the end of this attempt: that is what a client sends on. Raises AttemptTimeout when the
        time is over, DeadlineExceeded without calling where none is left. The timer is the event loop's. A TimeoutError
        of the operation's own passes through as it is, and so does a result that the operation returned in spite of the
        cancellation.
        """
        timeout_s = self._timeout_s
        now = self._clock.now()
        at = now + timeout_s
        inherited = deadline_at.get()
        if inherited is not None:
            at, timeout_s = min(at, inherited), min(timeout_s, inherited - now)
            if timeout_s <= 0:
                self._listener(Refused(self.link, "deadline", None))
                raise DeadlineExceeded(self.link, left_s=timeout_s, margin_s=0.0)
        expiry = _Expiry(asyncio.current_task())
        timer = asyncio.get_running_loop().call_later(timeout_s, expiry)
        token = deadline_at.set(at)
        try:
            result = await operation()
        except BaseException as error:
            if expiry.was_the_cause() and isinstance(error, asyncio.CancelledError):
                raise AttemptTimeout(self.link, timeout_s=timeout_s) from error
            raise
        finally:
            timer.cancel()
            restore(token)
        expiry.was_the_cause()
        return result


class _Expiry:
    """Cancels a task when its time is over, and afterwards tells this cancellation from anybody else's.

    What asyncio.timeout does, without its re-scheduling and its state for a scope: half the price, for a call that pays
    it every time.
    """

    __slots__ = ("_cancelling", "_expired", "_task")

    def __init__(self, task: "asyncio.Task[Any] | None") -> None:
        if task is None:
            raise RuntimeError("a timeout needs a task to cancel")
        self._task = task
        # How often the task was asked to stop already: more than that, without our own, is somebody who means it.
        self._cancelling = task.cancelling()
        self._expired = False

    def __call__(self) -> None:
        """Cancel: the time is over."""
        self._expired = True
        self._task.cancel()

    def was_the_cause(self) -> bool:
        """Take our cancellation back, if there was one; return whether it was the only one."""
        return self._expired and self._task.uncancel() <= self._cancelling
