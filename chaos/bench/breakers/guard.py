"""What the cases know of a circuit breaker, ours or another's: how to build it, call through it and read its state."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

FAILURES = 3  # in a row, and every breaker here opens

Operation = Callable[[], Coroutine[Any, Any, None]]
Guarded = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Guard:
    """One breaker. `around` wraps an operation as its users would; `state` answers closed, open or half-open."""

    around: Callable[[Operation], Guarded]
    state: Callable[[], str]


# Takes the seconds that it stays open; async, because some need a running loop. Three failures in a row open it, and
# one successful probe closes it.
Build = Callable[[float], Awaitable[Guard]]


@dataclass(frozen=True)
class Subject:
    """One way to use one package: `distribution`, the name to install it by, and `form`, where there are several."""

    distribution: str | None  # None is our own
    form: str | None
    build: Build
