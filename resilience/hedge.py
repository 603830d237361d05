"""A second call beside a slow first one; the first answer wins.

A few calls in a hundred are slow for reasons of their own (a pause, a queue, a lost packet), and the same call made
again is most likely quick. Where one request needs many calls, those few are what its user feels: of 100 calls at once
63 % of the requests meet a call slower than the 99th percentile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from resilience.bounds import require
from resilience.budget import BudgetSettings, RetryBudget
from resilience.clock import Clock
from resilience.events import HedgeStarted, HedgeWon, Listener, Refused
from resilience.latency_quantile import LatencyQuantile, QuantileSettings
from resilience.outcome import Failures, Outcome, judge

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HedgeSettings:
    """`quantile` of the durations after which a call is late, more than 0, at most 0.99.

    It must lie below the slow calls' share: where 1.5 % are slow, 0.98 finds them and 0.99 waits for the slow ones
    themselves. `min_delay_s`, more than 0, and `max_delay_s`, at least that, bound the seconds before the second call;
    `max_delay_s` is also what is waited until enough durations are known. `budget`: the second calls' share of the
    calls, a purse of its own.
    """

    quantile: float
    min_delay_s: float
    max_delay_s: float
    budget: BudgetSettings

    def __post_init__(self) -> None:
        require(self, "quantile", above=0, at_most=0.99)
        require(self, "min_delay_s", above=0)
        require(self, "max_delay_s", at_least=self.min_delay_s)


class HedgeDelay:
    """Decides, without effects, how long the first call has for itself: `delay_s` seconds."""

    def __init__(self, settings: HedgeSettings) -> None:
        self.delay_s = settings.max_delay_s
        self._settings = settings
        self._durations = LatencyQuantile(QuantileSettings(settings.quantile))

    def answered(self, duration_s: float) -> None:
        """Count a call that was answered after `duration_s` seconds, counted from its beginning, whoever answered.

        Where the second call won, the first one would have taken at least as long; it lies above the quantile in either
        case, and only the rank matters. Leaving such calls out would make the quantile sink with every hedge.
        """
        self._durations.add(duration_s)
        value_s = self._durations.value_s
        if value_s is not None:
            self.delay_s = min(max(value_s, self._settings.min_delay_s), self._settings.max_delay_s)


@dataclass(slots=True, eq=False)
class _Race:
    """One call: the first attempt, which runs in the caller's own task, and perhaps a second in one of its own."""

    operation: Callable[[], Awaitable[Any]]
    delay_s: float
    caller: asyncio.Task[Any]
    # A task counts who asked it to stop. Above this, and our own request apart, somebody means the caller.
    cancelling: int
    second: asyncio.Task[Any] | None = None
    sent: bool = False
    won: bool = False
    first_over: bool = False

    @property
    def left(self) -> bool:
        """Tell whether somebody asked the caller to stop since the call began."""
        return self.caller.cancelling() > self.cancelling


class Hedge:
    """Calls a second time where the first is late. Safe for any number of calls at once in one event loop.

    A call that is answered in time pays for a timer, not for a task. `failures` has no default: an error that is none
    of the dependency's is an answer, and ends the race like a result.
    """

    def __init__(
        self, link: str, settings: HedgeSettings, *, failures: Failures, clock: Clock, listener: Listener
    ) -> None:
        self.link = link
        self._delay = HedgeDelay(settings)
        self._budget = RetryBudget(settings.budget, now=clock.now())
        self._failures = failures
        self._clock = clock
        self._listener = listener

    @property
    def delay_s(self) -> float:
        """Return how many seconds a call that begins now has before it is made again."""
        return self._delay.delay_s

    async def call(self, operation: Callable[[], Awaitable[T]], *, idempotent: bool) -> T:
        """Await `operation()`, and beside it once more where it is late; the loser is cancelled and waited for.

        `idempotent` has no default: only a call that may be made twice is made twice. Where both fail, the first one's
        error is raised. A cancellation ends both, and is raised when both have ended.
        """
        if not idempotent:
            return await operation()
        began = self._clock.now()
        self._budget.called(began)
        caller: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment]  # we are inside of one
        race = _Race(operation, self._delay.delay_s, caller, caller.cancelling())
        timer = caller.get_loop().call_later(race.delay_s, self._start, race)
        winner: asyncio.Task[T] | None = None
        try:
            result = await operation()
        except BaseException as error:
            if race.second is not None:
                winner = await self._settled(race, race.second, error)
            if winner is None:
                raise
        else:
            if race.second is not None:
                winner = await self._settled(race, race.second, None)
        finally:
            timer.cancel()
        if winner is not None:
            result = winner.result()
        self._delay.answered(self._clock.now() - began)
        return result

    def _start(self, race: _Race) -> None:
        """Make the call again, if the caller is not leaving and the budget pays for it."""
        if race.left:
            return
        if not self._budget.take(self._clock.now()):
            self._listener(Refused(self.link, "hedge_budget", None))
            return
        race.second = race.caller.get_loop().create_task(self._second(race))
        race.second.add_done_callback(partial(self._second_over, race))

    async def _second(self, race: _Race) -> Any:
        race.sent = True
        self._listener(HedgeStarted(self.link, race.delay_s))
        return await race.operation()

    def _second_over(self, race: _Race, second: asyncio.Task[Any]) -> None:
        """Interrupt the first attempt where the second has the answer, unless it is over or being interrupted."""
        if self._has_answer(second) and not race.first_over and not race.left:
            race.won = True
            race.caller.cancel()

    async def _settled(
        self, race: _Race, second: asyncio.Task[T], error: BaseException | None
    ) -> asyncio.Task[T] | None:
        """End a race whose first attempt ended, with `error` or None; return the second where it has the answer."""
        race.first_over = True
        if race.won:
            # The cancellation of the first attempt was ours. One more than ours is the caller's, and it counts.
            if race.caller.uncancel() > race.cancelling:
                raise asyncio.CancelledError
        elif isinstance(error, Exception) and not race.left and judge(error, self._failures) is not Outcome.SUCCESS:
            # gather, unlike wait, hands a cancellation on to the second and waits until it has ended.
            await asyncio.gather(second, return_exceptions=True)
            if not self._has_answer(second):
                return None
        else:
            await self._end(race, second, error)
            return None
        self._listener(HedgeWon(self.link))
        return second

    async def _end(self, race: _Race, second: asyncio.Task[Any], error: BaseException | None) -> None:
        second.cancel()
        # What is neither error nor cancellation is the end of the loop or of this coroutine, which may not wait then.
        if error is None or isinstance(error, Exception | asyncio.CancelledError):
            await asyncio.gather(second, return_exceptions=True)
        if not race.sent:
            self._budget.give_back()

    def _has_answer(self, second: asyncio.Task[Any]) -> bool:
        if second.cancelled():
            return False
        error = second.exception()
        return error is None or judge(error, self._failures) is Outcome.SUCCESS
