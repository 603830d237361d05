"""Try again, a little later, what failed by bad luck.

Built on tenacity's own wait and stop objects, but with the clock, the sleep and the chance passed in, and with tenacity
only on the way of a failure: its decorator costs 50 us and more on calls that succeed.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, stop_after_attempt, stop_before_delay, stop_never

from resilience.bounds import require, require_whole
from resilience.clock import Clock
from resilience.deadline import remaining_s
from resilience.errors import SettingsError
from resilience.events import BudgetChanged, Listener, Refused, RetryScheduled
from resilience.retry_allowance import RetryAllowance
from resilience.retry_waits import JITTERS, Jitter, wait_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """How often, after how long, and what at all.

    `max_attempts`: calls in all, the first one included, at least 2.
    `base_wait_s`, `max_wait_s`: seconds, more than 0: what `jitter` makes the waits of (resilience/retry_waits.py).
    `jitter`: "full" (0 to min(max_wait_s, base_wait_s * 2**(n-1)) before retry n), "equal", "decorrelated" or "none".
    `start_within_s`: no attempt starts later than this after the call began; None sets no such limit. A small value
    retries what failed at once (a reset, a refusal) and never what already used up the caller's time.
    `retry_unsafe`: True retries calls that are not idempotent, too: the dependency may do the work twice.
    `margin_s`: seconds, at least 0: no retry starts unless the deadline leaves more than this for it.
    """

    max_attempts: int
    base_wait_s: float
    max_wait_s: float
    jitter: Jitter = "full"
    start_within_s: float | None = None
    retry_unsafe: bool = False
    margin_s: float = 0.0

    def __post_init__(self) -> None:
        require_whole(self, "max_attempts", at_least=2)
        require(self, "base_wait_s", above=0)
        require(self, "max_wait_s", above=0)
        require(self, "margin_s", at_least=0)
        if self.max_wait_s < self.base_wait_s:
            raise SettingsError(
                f"RetrySettings.max_wait_s must be at least base_wait_s ({self.base_wait_s:g}), got {self.max_wait_s!r}"
            )
        if self.jitter not in JITTERS:
            raise SettingsError(f"RetrySettings.jitter must be one of {', '.join(JITTERS)}, got {self.jitter!r}")
        if self.start_within_s is not None:
            require(self, "start_within_s", above=0)


class RetrySchedule:
    """Decides, without effects, whether and when the next attempt comes."""

    def __init__(self, settings: RetrySettings, *, rng: random.Random) -> None:
        self.settings = settings
        within_s = settings.start_within_s
        self._tenacity = AsyncRetrying(
            wait=wait_of(settings.jitter, base_s=settings.base_wait_s, cap_s=settings.max_wait_s, rng=rng),
            stop=stop_after_attempt(settings.max_attempts) | (stop_before_delay(within_s) if within_s else stop_never),
        )

    def wait_s(self, attempt: int, elapsed_s: float, error: Exception, *, before_s: float = 0.0) -> float | None:
        """Return the wait after failed attempt number `attempt`, or None to give up; from 0 to `max_wait_s`.

        `elapsed_s` is the time since the call began, `before_s` the wait before this attempt. The `retry_after_s` of an
        error is waited out, plus jitter; one that asks for more than `max_wait_s` is not retried.
        """
        state = RetryCallState(self._tenacity, None, (), {})
        state.attempt_number = attempt
        # tenacity stamps these with the machine's clock; its stop objects only look at the difference.
        state.start_time, state.outcome_timestamp = 0.0, elapsed_s
        state.upcoming_sleep = before_s
        wait_s = self._tenacity.wait(state)
        asked_s = getattr(error, "retry_after_s", None)
        if asked_s is not None:
            if asked_s > self.settings.max_wait_s:
                return None
            # Everybody refused at one moment must not come back at one moment.
            wait_s = min(max(asked_s, 0.0) + wait_s, self.settings.max_wait_s)
        state.upcoming_sleep = wait_s
        return None if self._tenacity.stop(state) else wait_s

    def too_late(self, elapsed_s: float, left_s: float | None) -> bool:
        """Return whether an attempt may not start any more `elapsed_s` after the call began.

        `left_s` is what the deadline leaves for it, None without one.
        """
        within_s = self.settings.start_within_s
        return (within_s is not None and elapsed_s > within_s) or (
            left_s is not None and left_s <= self.settings.margin_s
        )


class Retry:
    """Calls again while the schedule, the deadline and the allowance let it. Safe for any number of calls at once.

    `on` has no default: it names the errors that are worth another try, and that the allowance counts as failures. A
    cancellation is never one of them. `allowance` is what all retries into one dependency share, None for no limit.
    """

    def __init__(
        self,
        link: str,
        settings: RetrySettings,
        *,
        on: Callable[[Exception], bool],
        allowance: RetryAllowance | None,
        clock: Clock,
        rng: random.Random,
        listener: Listener,
    ) -> None:
        self.link = link
        self._schedule = RetrySchedule(settings, rng=rng)
        self._on = on
        self._allowance = allowance
        self._clock = clock
        self._listener = listener
        self._tokens_told = -1
        self._tell_tokens()

    async def call(self, operation: Callable[[], Awaitable[T]], *, idempotent: bool) -> T:
        """Await `operation()`, again where it fails; lets the last error through.

        `idempotent` has no default: only a call that may be made twice is made twice.
        """
        allowance = self._allowance
        began = self._clock.now()
        if allowance is not None:
            allowance.called(began)
        attempt, wait_s = 1, 0.0
        while True:
            try:
                result = await operation()
            except Exception as error:
                next_s = self._next(attempt, began, error, before_s=wait_s, idempotent=idempotent)
                if next_s is None or not await self._pause(next_s, began):
                    raise
                wait_s = next_s
            else:
                if allowance is not None:
                    allowance.succeeded(self._clock.now())
                    self._tell_tokens()
                return result
            attempt += 1

    def _next(self, attempt: int, began: float, error: Exception, *, before_s: float, idempotent: bool) -> float | None:
        """Return the wait before the next attempt, paid for from the allowance; None to give up."""
        now = self._clock.now()
        task = asyncio.current_task()
        # Some clients turn a cancellation into an error of their own: it stays a cancellation, and counts as nothing.
        worth_it = not (task is not None and task.cancelling()) and self._on(error)
        if self._allowance is not None:
            if worth_it:
                self._allowance.failed(now)
            self._tell_tokens()
        if not worth_it or not (idempotent or self._schedule.settings.retry_unsafe):
            return None
        wait_s = self._schedule.wait_s(attempt, now - began, error, before_s=before_s)
        if wait_s is None or self._too_late(now + wait_s, began):
            return None
        if self._allowance is not None and not self._allowance.take(now):
            self._listener(Refused(self.link, "budget", None))
            return None
        self._tell_tokens()
        self._listener(RetryScheduled(self.link, attempt + 1, wait_s, type(error).__name__))
        return wait_s

    async def _pause(self, wait_s: float, began: float) -> bool:
        """Wait; False where a busy event loop has made that too long for another attempt."""
        sent = False
        try:
            await self._clock.sleep(wait_s)
            sent = not self._too_late(self._clock.now(), began)
        finally:
            if not sent and self._allowance is not None:
                self._allowance.give_back()
                self._tell_tokens()
        return sent

    def _too_late(self, now: float, began: float) -> bool:
        return self._schedule.too_late(now - began, remaining_s(now))

    def _tell_tokens(self) -> None:
        """Tell the listener about whole tokens only: a fraction a call would be an event a call."""
        if self._allowance is not None and (tokens := int(self._allowance.tokens)) != self._tokens_told:
            self._tokens_told = tokens
            self._listener(BudgetChanged(self.link, tokens))
