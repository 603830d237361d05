"""A circuit breaker: stop calling what does not answer, and find out gently when it does again.

The states and their rules are in `resilience.breaker_machine`. This driver asks the machine, makes the call and brings
the outcome back, whatever way the call ends.
"""

from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from resilience.breaker_machine import BreakerMachine, BreakerSettings
from resilience.clock import Clock
from resilience.errors import BreakerOpen
from resilience.events import BreakerChanged, Listener, Refused
from resilience.outcome import Failures, Outcome, judge
from resilience.states import BreakerState

T = TypeVar("T")


class CircuitBreaker:
    """Guards calls with a BreakerMachine. Safe for any number of calls at once in one event loop.

    `failures` has no default: it says which errors count against the dependency.
    """

    def __init__(
        self, link: str, settings: BreakerSettings, *, failures: Failures, clock: Clock, listener: Listener
    ) -> None:
        self.link = link
        self._machine = BreakerMachine(settings, now=clock.now())
        self._failures = failures
        self._clock = clock
        self._listener = listener
        self._told_state = BreakerState.CLOSED
        self._told_generation = self._machine.generation

    @property
    def state(self) -> BreakerState:
        """Return the state; an open breaker becomes half-open only when the next call comes."""
        return self._machine.state.name

    def force_open(self) -> None:
        """Refuse every call until `release`."""
        self._force(BreakerState.FORCED_OPEN)

    def force_closed(self) -> None:
        """Let every call pass and count none until `release`."""
        self._force(BreakerState.FORCED_CLOSED)

    def release(self) -> None:
        """Take a forced state back: it begins anew, closed. Where none is forced, nothing happens."""
        self._force(None)

    async def call(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Await `operation()`, or raise BreakerOpen without calling it."""
        machine = self._machine
        began = self._clock.now()
        generation = machine.admit(began)
        if generation is None:
            raise self._refusal(began)
        # Whatever way the call ends, an exception of `failures` included, the outcome is recorded.
        outcome = Outcome.ABANDONED
        try:
            if machine.generation != self._told_generation:
                self._tell()
            try:
                result = await operation()
                outcome = Outcome.SUCCESS
            except Exception as error:
                outcome = judge(error, self._failures)
                raise
        finally:
            ended = self._clock.now()
            machine.record(outcome, ended, generation, ended - began)
            if machine.generation != self._told_generation:
                self._tell()
        return result

    def _refusal(self, now: float) -> BreakerOpen:
        retry_after_s = self._machine.state.retry_after_s(now)
        self._listener(Refused(self.link, "breaker", retry_after_s))
        return BreakerOpen(self.link, retry_after_s=retry_after_s)

    def _force(self, to: Literal[BreakerState.FORCED_OPEN, BreakerState.FORCED_CLOSED] | None) -> None:
        self._machine.force(to, self._clock.now())
        if self._machine.generation != self._told_generation:
            self._tell()

    def _tell(self) -> None:
        previous, self._told_state = self._told_state, self.state
        self._told_generation = self._machine.generation
        self._listener(BreakerChanged(self.link, previous, self._told_state))
