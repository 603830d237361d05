"""Try again, a little later, what failed by bad luck.

Built on tenacity's own wait and stop objects, but with the clock, the sleep and the chance passed in, and with tenacity
only on the way of a failure: its decorator costs 50 us and more on calls that succeed.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, stop_after_attempt, stop_before_delay, stop_never, wait_exponential

from resilience.bounds import require, require_whole
from resilience.budget import RetryBudget
from resilience.clock import Clock
from resilience.errors import SettingsError
from resilience.events import BudgetChanged, Listener, Refused, RetryScheduled

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """How often and how long.

    `max_attempts`: calls in all, the first one included, at least 2.
    `base_wait_s`, `max_wait_s`: before retry n the wait is drawn from 0 to min(max_wait_s, base_wait_s * 2**(n-1)).
    `start_within_s`: no attempt starts later than this after the call began; None sets no such limit. A small value
    retries what failed at once (a reset, a refusal) and never what already used up the caller's time.
    """

    max_attempts: int
    base_wait_s: float
    max_wait_s: float
    start_within_s: float | None = None

    def __post_init__(self) -> None:
        require_whole(self, "max_attempts", at_least=2)
        require(self, "base_wait_s", above=0)
        require(self, "max_wait_s", above=0)
        if self.max_wait_s < self.base_wait_s:
            raise SettingsError(
                f"RetrySettings.max_wait_s must be at least base_wait_s ({self.base_wait_s:g}), got {self.max_wait_s!r}"
            )
        if self.start_within_s is not None:
            require(self, "start_within_s", above=0)


class FullJitter(wait_exponential):
    """tenacity's exponential wait, drawn evenly from 0 to its value, from a source of chance passed in.

    The "full jitter" of the AWS Architecture Blog, "Exponential Backoff and Jitter" (2015). tenacity's own
    wait_random_exponential draws from the global source, which no test can repeat.
    """

    def __init__(self, settings: RetrySettings, rng: random.Random) -> None:
        super().__init__(multiplier=settings.base_wait_s, max=settings.max_wait_s)
        self._rng = rng

    def __call__(self, retry_state: RetryCallState) -> float:
        """Return the seconds to wait after attempt `retry_state.attempt_number`."""
        return self._rng.uniform(0.0, super().__call__(retry_state))


class RetrySchedule:
    """Decides, without effects, whether and when the next attempt comes."""

    def __init__(self, settings: RetrySettings, *, rng: random.Random) -> None:
        self.settings = settings
        within_s = settings.start_within_s
        self._tenacity = AsyncRetrying(
            wait=FullJitter(settings, rng),
            stop=stop_after_attempt(settings.max_attempts) | (stop_before_delay(within_s) if within_s else stop_never),
        )

    def delay_s(self, attempt: int, elapsed_s: float, error: Exception) -> float | None:
        """Return the wait after failed attempt number `attempt`, or None to give up.

        `elapsed_s` is the time since the call began. The `retry_after_s` of an error is waited out, plus
        jitter; one that asks for more than `max_wait_s` is not retried. The wait is never above `max_wait_s`.
        """
        state = RetryCallState(self._tenacity, None, (), {})
        state.attempt_number = attempt
        # tenacity stamps these with the machine's clock; its stop objects only look at the difference.
        state.start_time, state.outcome_timestamp = 0.0, elapsed_s
        delay_s = self._tenacity.wait(state)
        asked_s = getattr(error, "retry_after_s", None)
        if asked_s is not None:
            if asked_s > self.settings.max_wait_s:
                return None
            # Everybody refused at one moment must not come back at one moment.
            delay_s = min(asked_s + delay_s, self.settings.max_wait_s)
        state.upcoming_sleep = delay_s
        return None if self._tenacity.stop(state) else delay_s


class Retry:
    """Calls again while the schedule and the budget allow. Safe for any number of calls at once.

    `on` has no default: it names the errors that are worth another try. A cancellation is never one of them.
    """

    def __init__(
        self,
        link: str,
        settings: RetrySettings,
        *,
        on: Callable[[Exception], bool],
        budget: RetryBudget | None,
        clock: Clock,
        rng: random.Random,
        listener: Listener,
    ) -> None:
        self.link = link
        self._schedule = RetrySchedule(settings, rng=rng)
        self._on = on
        self._budget = budget
        self._clock = clock
        self._listener = listener
        self._tokens_told = -1
        self._tell_tokens()

    async def call(self, operation: Callable[[], Awaitable[T]], *, idempotent: bool) -> T:
        """Await `operation()`, again where it fails; lets the last error through.

        `idempotent` has no default: only a call that may be made twice is made twice.
        """
        began = self._clock.now()
        if self._budget is not None:
            self._budget.deposit(began)
            self._tell_tokens()
        attempt = 1
        while True:
            try:
                return await operation()
            except Exception as error:
                if not idempotent or not self._on(error):
                    raise
                delay_s = self._next(attempt, began, error)
                if delay_s is None:
                    raise
            attempt += 1
            await self._pause(delay_s)

    def _next(self, attempt: int, began: float, error: Exception) -> float | None:
        """Return the wait before the next attempt, paid for from the budget; None to give up."""
        now = self._clock.now()
        delay_s = self._schedule.delay_s(attempt, now - began, error)
        if delay_s is None:
            return None
        if self._budget is not None and not self._budget.take(now):
            self._listener(Refused(self.link, "budget", None))
            return None
        self._tell_tokens()
        self._listener(RetryScheduled(self.link, attempt + 1, delay_s, type(error).__name__))
        return delay_s

    async def _pause(self, delay_s: float) -> None:
        try:
            await self._clock.sleep(delay_s)
        except BaseException:
            if self._budget is not None:
                self._budget.give_back()
                self._tell_tokens()
            raise

    def _tell_tokens(self) -> None:
        """Tell the listener about whole tokens only: a fraction a call would be an event a call."""
        if self._budget is not None and (tokens := int(self._budget.tokens)) != self._tokens_told:
            self._tokens_told = tokens
            self._listener(BudgetChanged(self.link, tokens))
