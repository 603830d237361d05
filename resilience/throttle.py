"""Adaptive throttling: a client that is mostly refused stops asking so much, by lot, without being told to.

Saying no costs a server something, too; a server that says no to ten times its capacity does nothing else. Each client
compares what it asked for with what was accepted, and holds back the excess itself. No state is open or closed, and a
share of the calls always goes through, so it notices by itself when the dependency is back.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from resilience.bounds import require
from resilience.clock import Clock
from resilience.errors import Throttled
from resilience.events import Listener, Refused, ThrottleChanged
from resilience.outcome import Failures, Outcome, judge

T = TypeVar("T")

BUCKETS = 10
STEP = 0.01


@dataclass(frozen=True, slots=True)
class ThrottleSettings:
    """`ratio`: how many requests are sent for each one accepted before any is held back, at least 1; the book's K is 2.

    `window_s`: seconds looked back on, more than 0, to a tenth of it. It is also the price: a dependency that comes
    back after a total outage is fully used again some 4 to 10 windows later, at a ratio near 1 perhaps not at all.
    """

    ratio: float
    window_s: float

    def __post_init__(self) -> None:
        require(self, "ratio", at_least=1)
        require(self, "window_s", above=0)


class AdaptiveThrottle:
    """Counts and draws lots, without effects: the caller says what time it is and brings the source of chance.

    The share held back is max(0, (requests - ratio * accepts) / (requests + 1)), over the window (Site Reliability
    Engineering, chapter 21, "Client-Side Throttling"). A request counts before it is sent, also when it is held back.
    One that is `pending` has not been refused yet, so while it is, it is left out of the sum: the first calls after a
    silence would refuse each other otherwise. Requests and accepts lie in rings of counters: constant memory and time.
    """

    __slots__ = (
        "_accepts",
        "_pending",
        "_ratio",
        "_requests",
        "_tick",
        "_ticks_per_s",
        "accepts",
        "pending",
        "requests",
    )

    def __init__(self, settings: ThrottleSettings, *, now: float) -> None:
        self.requests = self.accepts = self.pending = 0
        self._ratio = settings.ratio
        self._ticks_per_s = BUCKETS / settings.window_s
        self._tick = int(now * self._ticks_per_s)
        self._requests = [0] * BUCKETS
        self._accepts = [0] * BUCKETS
        self._pending = [0] * BUCKETS

    def probability(self, now: float) -> float:
        """Return the share of requests held back at `now`, from 0 to less than 1."""
        tick = int(now * self._ticks_per_s)
        if tick != self._tick:
            self._advance(tick)
        excess = self.requests - self.pending - self._ratio * self.accepts
        return excess / (self.requests + 1) if excess > 0.0 else 0.0

    def admit(self, now: float, rng: random.Random) -> bool:
        """Count a request at `now`; return whether to send it."""
        probability = self.probability(now)
        self.requests += 1
        self._requests[self._tick % BUCKETS] += 1
        # No lot is drawn where there is nothing to decide.
        return probability == 0.0 or rng.random() >= probability

    def accepted(self, now: float) -> None:
        """Count that the dependency accepted a request, at `now`."""
        tick = int(now * self._ticks_per_s)
        if tick != self._tick:
            self._advance(tick)
        self.accepts += 1
        self._accepts[tick % BUCKETS] += 1

    def sent(self) -> int:
        """Make the request that was admitted just now pending; return its place in time, for `settle`."""
        self.pending += 1
        self._pending[self._tick % BUCKETS] += 1
        return self._tick

    def settle(self, sent: int, *, counts: bool) -> None:
        """End what is pending since `sent`; where it does not count (the caller went away), take the request back."""
        # What has left the window has taken its counters along.
        if self._tick - sent >= BUCKETS:
            return
        place = sent % BUCKETS
        self.pending -= 1
        self._pending[place] -= 1
        if not counts:
            self.requests -= 1
            self._requests[place] -= 1

    def _advance(self, tick: int) -> None:
        # After a long silence one round empties the rings.
        for passed in range(max(self._tick + 1, tick - BUCKETS + 1), tick + 1):
            place = passed % BUCKETS
            self.requests -= self._requests[place]
            self.accepts -= self._accepts[place]
            self.pending -= self._pending[place]
            self._requests[place] = self._accepts[place] = self._pending[place] = 0
        self._tick = tick


class Throttle:
    """Holds calls back as an AdaptiveThrottle decides. Safe for any number of calls at once in one event loop.

    `refusals` has no default: it says which errors mean that the dependency did not accept the call (a 503, a 429, no
    connection). An AttemptTimeout always means that; what is refused further inside or cancelled counts as nothing.
    """

    def __init__(
        self,
        link: str,
        settings: ThrottleSettings,
        *,
        refusals: Failures,
        clock: Clock,
        rng: random.Random,
        listener: Listener,
    ) -> None:
        self.link = link
        self._throttle = AdaptiveThrottle(settings, now=clock.now())
        self._refusals = refusals
        self._clock = clock
        self._rng = rng
        self._listener = listener
        self._told = 0.0

    async def call(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Await `operation()`, or raise Throttled without calling it."""
        throttle, clock = self._throttle, self._clock
        now = clock.now()
        if not throttle.admit(now, self._rng):
            probability = self._tell(now)
            self._listener(Refused(self.link, "throttle", None))
            raise Throttled(self.link, probability=probability)
        sent = throttle.sent()
        outcome = Outcome.ABANDONED
        try:
            result = await operation()
            outcome = Outcome.SUCCESS
        except Exception as error:
            outcome = judge(error, self._refusals)
            raise
        finally:
            now = clock.now()
            accepted = outcome is Outcome.SUCCESS
            throttle.settle(sent, counts=accepted or outcome is Outcome.FAILURE)
            if accepted:
                throttle.accepted(now)
            self._tell(now)
        return result

    def _tell(self, now: float) -> float:
        """Tell the probability where it has moved by a step (so, too, when it is back at 0); return it."""
        probability = self._throttle.probability(now)
        if abs(probability - self._told) >= STEP:
            self._told = round(probability, 2)
            self._listener(ThrottleChanged(self.link, self._told))
        return probability
