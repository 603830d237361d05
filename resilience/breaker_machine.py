"""What a circuit breaker decides, without effects; `resilience.breaker` is the driver around it.

    closed --(enough calls, too many failed)--> open --(open_s later, next call)--> half-open
    half-open --(every probe succeeded)--> closed        half-open --(a probe failed)--> open

Three small objects are the states; the machine holds the one in force and a generation number, which changes with it.
An outcome that belongs to an earlier generation is old news and is dropped. A cancelled call is no news: it counts as
nothing, and a cancelled probe gives its place back.
"""

from dataclasses import dataclass
from typing import Protocol

from resilience.bounds import require, require_whole
from resilience.events import BreakerState
from resilience.outcome import Outcome
from resilience.window import TimeWindow


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When it opens, for how long, and how it comes back.

    `window_s`: seconds looked back on, more than 0. `min_calls`: below this many in the window it never opens, at
    least 1. `failure_rate`: it opens at this share of failures, more than 0, at most 1. `open_s`: seconds until the
    first probe, more than 0. `probes`: how many calls may try it out, and must all succeed, at least 1.
    """

    window_s: float
    min_calls: int
    failure_rate: float
    open_s: float
    probes: int

    def __post_init__(self) -> None:
        require(self, "window_s", above=0)
        require_whole(self, "min_calls", at_least=1)
        require(self, "failure_rate", above=0, at_most=1)
        require(self, "open_s", above=0)
        require_whole(self, "probes", at_least=1)


class State(Protocol):
    """What each state answers. Where its time is over, it answers with the state that follows."""

    name: BreakerState

    def admit(self, now: float, /) -> "State | None":
        """Return the state that lets a call through, None where none does."""
        ...

    def record(self, outcome: Outcome, now: float, /) -> "State":
        """Take the outcome of a call that this state let through; return the state after it."""
        ...

    def retry_after_s(self, now: float, /) -> float:
        """Return when a refused call should be tried again."""
        ...


class Closed:
    """All is well: every call passes and is counted."""

    name = BreakerState.CLOSED

    def __init__(self, settings: BreakerSettings, now: float) -> None:
        self._settings = settings
        self._window = TimeWindow(settings.window_s, now=now)

    def admit(self, _now: float) -> State:
        """Let every call through."""
        return self

    def record(self, outcome: Outcome, now: float) -> State:
        """Open on too many failures. A success is asked as well: it can be the call that makes up the minimum."""
        failed = outcome is Outcome.FAILURE
        if not failed and outcome is not Outcome.SUCCESS:
            return self
        window, settings = self._window, self._settings
        window.add(now, failed=failed)
        if window.calls < settings.min_calls or window.failures < settings.failure_rate * window.calls:
            return self
        return Open(settings, now)

    def retry_after_s(self, _now: float) -> float:
        """Nothing is refused here."""
        return 0.0


class Open:
    """Nothing passes until `open_s` is over; the call that comes then is the first probe."""

    name = BreakerState.OPEN

    def __init__(self, settings: BreakerSettings, now: float) -> None:
        self._settings = settings
        self._until = now + settings.open_s

    def admit(self, now: float) -> State | None:
        """Refuse, or hand over to half-open."""
        return HalfOpen(self._settings).admit(now) if now >= self._until else None

    def record(self, _outcome: Outcome, _now: float) -> State:
        """Nothing was let through here."""
        return self

    def retry_after_s(self, now: float) -> float:
        """Return the rest of `open_s`."""
        return self._until - now


class HalfOpen:
    """A bounded number of probes passes; together they decide."""

    name = BreakerState.HALF_OPEN

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self.in_flight = 0
        self.succeeded = 0

    def admit(self, _now: float) -> State | None:
        """Let a probe through while fewer than `probes` are in flight or have succeeded."""
        if self.in_flight + self.succeeded >= self._settings.probes:
            return None
        self.in_flight += 1
        return self

    def record(self, outcome: Outcome, now: float) -> State:
        """Open on the first failure, close on the last success; anything else only gives the place back."""
        self.in_flight -= 1
        if outcome is Outcome.FAILURE:
            return Open(self._settings, now)
        if outcome is Outcome.SUCCESS:
            self.succeeded += 1
        return Closed(self._settings, now) if self.succeeded >= self._settings.probes else self

    def retry_after_s(self, _now: float) -> float:
        """Return `open_s`: at worst a probe in flight fails, and the breaker opens once more."""
        return self._settings.open_s


class BreakerMachine:
    """The whole decision, without effects: the caller says what time it is."""

    __slots__ = ("generation", "state")

    def __init__(self, settings: BreakerSettings, *, now: float) -> None:
        self.state: State = Closed(settings, now)
        self.generation = 1

    def admit(self, now: float) -> int | None:
        """Return the generation that a call at `now` belongs to, or None where it must not be made."""
        state = self.state.admit(now)
        if state is None:
            return None
        if state is not self.state:
            self._enter(state)
        return self.generation

    def record(self, outcome: Outcome, now: float, generation: int) -> None:
        """Take the outcome of a call that was admitted into `generation`; of an earlier one, drop it."""
        if generation != self.generation:
            return
        state = self.state.record(outcome, now)
        if state is not self.state:
            self._enter(state)

    def _enter(self, state: State) -> None:
        self.state = state
        self.generation += 1
