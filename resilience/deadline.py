"""How much of the caller's time is left, known everywhere below a call and sent on with every hop.

A timeout starts anew at each hop, so work goes on for callers who gave up long ago. A deadline is one instant, spent
and never restarted. Within a process it is that instant on the process's clock; between machines, whose clocks differ,
the milliseconds left travel in a header. Nothing here sets a timer: each wait inside (a queue, a pause between
attempts, an attempt) is cut to what is left, which ends the whole.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import TypeVar

from resilience.bounds import require
from resilience.clock import Clock
from resilience.errors import DeadlineExceeded, SettingsError
from resilience.events import Listener, Refused

T = TypeVar("T")

HEADER = "x-deadline-ms"
# A header may ask for no more than a day: whatever a stranger sends is a deadline that passes.
LONGEST_S = 86_400.0

# The instant on the process's Clock, seconds; None is no deadline. Tasks made inside a call inherit it.
deadline_at: ContextVar[float | None] = ContextVar("deadline_at", default=None)

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def remaining_s(now: float) -> float | None:
    """Return the seconds left at `now`, negative where the deadline has passed; None without a deadline."""
    at = deadline_at.get()
    return None if at is None else at - now


def cut_s(wait_s: float, now: float) -> float:
    """Return `wait_s`, cut to the seconds left at `now`: what a queue or a pause may wait; never negative."""
    at = deadline_at.get()
    return wait_s if at is None else max(0.0, min(wait_s, at - now))


def deadline_header(now: float) -> dict[str, str]:
    """Return the header to send on at `now`; empty without a deadline. Ask at the moment of sending."""
    left_s = remaining_s(now)
    return {} if left_s is None else {HEADER: format_deadline(left_s)}


def format_deadline(remaining_s: float) -> str:
    """Return the header's value: whole milliseconds, rounded down so that no hop is promised more than there is.

    From 0, for a deadline that has passed, to a day.
    """
    return str(int(min(max(remaining_s, 0.0), LONGEST_S) * 1000))


def parse_deadline(text: str | None) -> float | None:
    """Return the seconds left by the header's value, from 0 to a day; None where it is absent or unreadable.

    It comes from outside, so nothing raises. Digits, with a fraction or without, are read; a negative number has passed
    like 0, more than a day is a day. Anything else ("soon", "1e9", "inf", two values in one) is as no header at all:
    the receiver's own times apply, as they do to a caller who knows no deadlines.
    """
    if text is None or not _NUMBER.fullmatch(text := text.strip()):
        return None
    return min(max(float(text) / 1000, 0.0), LONGEST_S)


@contextmanager
def without_deadline() -> Iterator[None]:
    """Forget the caller's deadline for what must be finished though nobody waits for it, such as a result to keep.

    Its own timeouts bound it still.
    """
    token = deadline_at.set(None)
    try:
        yield
    finally:
        restore(token)


def restore(token: Token[float | None]) -> None:
    """Undo `deadline_at.set`, in the context where that was done.

    A coroutine that is dropped half-way is closed by whoever collects it, in that one's context: there is nothing to
    undo there, and it must not be touched.
    """
    try:
        deadline_at.reset(token)
    except ValueError:
        return


@dataclass(frozen=True, slots=True)
class DeadlineSettings:
    """`call_timeout_s`: seconds a call may take in all, more than `margin_s`; None leaves it to the caller's deadline.

    `margin_s`: seconds, at least 0; with less than this left a call is not begun. About 1.5 times what the work takes:
    with 0 everything is begun that has a moment left, and a standing queue gives each call just that moment.
    """

    call_timeout_s: float | None
    margin_s: float

    def __post_init__(self) -> None:
        require(self, "margin_s", at_least=0)
        if self.call_timeout_s is None:
            return
        require(self, "call_timeout_s", above=0)
        if self.call_timeout_s <= self.margin_s:
            raise SettingsError(
                f"DeadlineSettings.call_timeout_s must be more than margin_s ({self.margin_s:g}), "
                f"got {self.call_timeout_s!r}"
            )


class Deadline:
    """Gives calls a deadline and refuses what cannot meet it. Safe for any number of calls at once."""

    def __init__(self, link: str, settings: DeadlineSettings, *, clock: Clock, listener: Listener) -> None:
        self.link = link
        self._call_timeout_s = settings.call_timeout_s
        self._margin_s = settings.margin_s
        self._clock = clock
        self._listener = listener

    async def call(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Await `operation()` under the nearer of the inherited deadline and `call_timeout_s` from now.

        Raises DeadlineExceeded, without calling, when less than `margin_s` or nothing is left of the inherited one. It
        cuts nothing off by itself: the waits inside look at the deadline.
        """
        now = self._clock.now()
        at = deadline_at.get()
        if at is not None:
            left_s = at - now
            if left_s <= 0 or left_s < self._margin_s:
                self._listener(Refused(self.link, "deadline", None))
                raise DeadlineExceeded(self.link, left_s=left_s, margin_s=self._margin_s)
        if self._call_timeout_s is None:
            return await operation()
        own_at = now + self._call_timeout_s
        token = deadline_at.set(own_at if at is None else min(at, own_at))
        try:
            return await operation()
        finally:
            restore(token)
