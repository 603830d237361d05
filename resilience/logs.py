"""Events become log lines: only those that are rare and that somebody asks for afterwards.

What happens with every call under fault (a refusal, a retry) is a counter; a line for each would bury the rest.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, get_args

from resilience.events import BreakerChanged, DuplicateSeen, Event, Listener, PipelineBuilt
from resilience.states import BreakerState, Duplicate

# (level, the event's name, its fields)
Write = Callable[[str, str, Mapping[str, Any]], None]

_ALARMING = (BreakerState.OPEN, BreakerState.FORCED_OPEN, Duplicate.CONFLICT, Duplicate.TAKEN_OVER)
# Looked up for every event, so by type first: what is not here costs a look-up.
_LEVELS: dict[type[Event], Callable[[Any], str | None]] = {
    PipelineBuilt: lambda _: "info",
    BreakerChanged: lambda event: "warning" if event.state in _ALARMING else "info",
    DuplicateSeen: lambda event: "warning" if event.how in _ALARMING else None,
}


class LogListener:
    """Hands the events worth a line to `write`, with the fields of the event as plain values."""

    hears = frozenset(_LEVELS)

    def __init__(self, write: Write) -> None:
        self._write = write

    def __call__(self, event: Event) -> None:
        """Take one event; waits for nothing but `write`."""
        level_of = _LEVELS.get(type(event))
        if level_of is not None and (level := level_of(event)) is not None:
            self._write(
                level, type(event).__name__, {field.name: getattr(event, field.name) for field in fields(event)}
            )


def tell_each(*listeners: Listener) -> Listener:
    """Return one listener that tells each of `listeners`, in their order.

    One with an attribute `hears`, a set of types, is told of those events only: nothing is paid for the others.
    """
    every = frozenset(get_args(Event))
    who_hears = {kind: [one for one in listeners if kind in getattr(one, "hears", every)] for kind in every}

    def tell(event: Event) -> None:
        for listener in who_hears[type(event)]:
            listener(event)

    return tell
