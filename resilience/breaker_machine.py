"""What a circuit breaker decides, without effects; `resilience.breaker` is the driver around it.

    closed --(the window says: too much)--> open --(its open time later, next call)--> half-open
    half-open --(every probe succeeded)--> closed        half-open --(a probe failed)--> open, for longer
    any --(an operator)--> forced open or forced closed --(released)--> closed

Five small objects are the states; the machine holds the one in force and a generation number, which grows with each
change. An outcome that belongs to an earlier generation is old news and is dropped. A cancelled call and a refused one
are no news: they count as nothing, and a probe that ends so gives its place back.
"""

import math
from dataclasses import dataclass
from typing import Literal

from resilience.bounds import require, require_whole
from resilience.errors import SettingsError
from resilience.outcome import Outcome
from resilience.states import BreakerState
from resilience.windows import Window, counter_of


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When it opens, for how long, and how it comes back.

    `window`: what is too much (resilience/windows.py). `open_s`: seconds until the first probe, more than 0. `probes`:
    how many calls may try it out, and must all succeed, at least 1. `open_factor`, at least 1, and `open_max_s`, at
    least `open_s` and needed where the factor is more than 1: the n-th opening without a close between lasts
    min(open_max_s, open_s * open_factor ** (n - 1)) seconds. Raises SettingsError on nonsense.
    """

    window: Window
    open_s: float
    probes: int
    open_factor: float = 1.0
    open_max_s: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.window, Window):
            raise SettingsError(f"BreakerSettings.window must be a window of resilience.windows, got {self.window!r}")
        require(self, "open_s", above=0)
        require_whole(self, "probes", at_least=1)
        require(self, "open_factor", at_least=1)
        if self.open_max_s is not None:
            require(self, "open_max_s", at_least=self.open_s)
        elif self.open_factor > 1:
            raise SettingsError("BreakerSettings.open_factor is more than 1 without open_max_s: it would grow for ever")


class State:
    """What each state answers, itself or the state that follows; this one lets all through and learns nothing."""

    name: BreakerState

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings

    def admit(self, _now: float, /) -> "State | None":
        """Return the state that lets a call through, None where none does."""
        return self

    def record(self, _outcome: Outcome, _now: float, /, *, slow: bool) -> "State":  # noqa: ARG002
        """Take the outcome of a call that this state let through; return the state after it."""
        return self

    def retry_after_s(self, _now: float, /) -> float:
        """Return in how many seconds a refused call should be tried again."""
        return 0.0


class Closed(State):
    """All is well: every call passes and is counted."""

    name = BreakerState.CLOSED

    def __init__(self, settings: BreakerSettings, now: float) -> None:
        super().__init__(settings)
        self._counter = counter_of(settings.window, now=now)

    def record(self, outcome: Outcome, now: float, /, *, slow: bool) -> State:
        """Open when it is too much. A success is asked as well: it can be the call that makes up the minimum."""
        failed = outcome is Outcome.FAILURE
        if not failed and outcome is not Outcome.SUCCESS:
            return self
        counter = self._counter
        counter.add(now, failed=failed, slow=slow)
        return Open(self._settings, now, self._settings.open_s) if counter.tripped() else self


class Open(State):
    """Nothing passes for `open_s` seconds; the call that comes then is the first probe."""

    name = BreakerState.OPEN

    def __init__(self, settings: BreakerSettings, now: float, open_s: float) -> None:
        super().__init__(settings)
        self._until = now + open_s
        # Step by step, not as a power: the thousandth opening of a long outage must not overflow.
        self._next_open_s = min(open_s * settings.open_factor, settings.open_max_s or math.inf)

    def admit(self, now: float, /) -> State | None:
        """Refuse, or hand over to half-open."""
        return HalfOpen(self._settings, self._next_open_s).admit(now) if now >= self._until else None

    def retry_after_s(self, now: float, /) -> float:
        """Return the rest of the open time."""
        return max(0.0, self._until - now)


class HalfOpen(State):
    """A bounded number of probes passes; together they decide. A probe that fails opens it for `next_open_s`."""

    name = BreakerState.HALF_OPEN

    def __init__(self, settings: BreakerSettings, next_open_s: float) -> None:
        super().__init__(settings)
        self._next_open_s = next_open_s
        self.in_flight = 0
        self.succeeded = 0

    def admit(self, _now: float, /) -> State | None:
        """Let a probe through while fewer than `probes` are in flight or have succeeded."""
        if self.in_flight + self.succeeded >= self._settings.probes:
            return None
        self.in_flight += 1
        return self

    def record(self, outcome: Outcome, now: float, /, *, slow: bool) -> State:
        """Open on the first failure or slow answer, close on the last success; else only give the place back."""
        self.in_flight -= 1
        if outcome is Outcome.FAILURE or (slow and outcome is Outcome.SUCCESS):
            return Open(self._settings, now, self._next_open_s)
        self.succeeded += outcome is Outcome.SUCCESS
        return Closed(self._settings, now) if self.succeeded >= self._settings.probes else self

    def retry_after_s(self, _now: float, /) -> float:
        """Return `open_s`: the probes in flight will have decided long before, and mostly for closed."""
        return self._settings.open_s


class ForcedOpen(State):
    """An operator's: nothing passes until it is released."""

    name = BreakerState.FORCED_OPEN

    def admit(self, _now: float, /) -> None:
        """Refuse."""

    def retry_after_s(self, _now: float, /) -> float:
        """Return `open_s`: nobody knows when the operator lets go."""
        return self._settings.open_s


class ForcedClosed(State):
    """An operator's: everything passes and nothing counts until it is released."""

    name = BreakerState.FORCED_CLOSED


class BreakerMachine:
    """The whole decision, without effects: the caller says what time it is."""

    __slots__ = ("_settings", "_slow_s", "generation", "state")

    def __init__(self, settings: BreakerSettings, *, now: float) -> None:
        self.state: State = Closed(settings, now)
        self.generation = 1
        self._settings = settings
        self._slow_s = settings.window.slow_s or math.inf

    def admit(self, now: float) -> int | None:
        """Return the generation that a call at `now` belongs to, or None where it must not be made."""
        state = self.state.admit(now)
        if state is None:
            return None
        if state is not self.state:
            self._enter(state)
        return self.generation

    def record(self, outcome: Outcome, now: float, generation: int, duration_s: float) -> None:
        """Take the outcome of a call that was admitted into `generation` and took `duration_s`; of an earlier, drop."""
        if generation != self.generation:
            return
        state = self.state.record(outcome, now, slow=duration_s >= self._slow_s)
        if state is not self.state:
            self._enter(state)

    def force(self, to: Literal[BreakerState.FORCED_OPEN, BreakerState.FORCED_CLOSED] | None, now: float) -> None:
        """Hold it in a state; None lets go, and it begins anew, closed. What is so already stays as it is."""
        if to is None:
            if isinstance(self.state, ForcedOpen | ForcedClosed):
                self._enter(Closed(self._settings, now))
        elif to is not self.state.name:
            forced = ForcedOpen if to is BreakerState.FORCED_OPEN else ForcedClosed
            self._enter(forced(self._settings))

    def _enter(self, state: State) -> None:
        self.state = state
        self.generation += 1
