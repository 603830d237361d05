"""Events as log lines."""

from collections.abc import Mapping
from typing import Any

import pytest

from resilience import BreakerState, Event, LogListener, Outcome, tell_each
from resilience.events import BreakerChanged, CallEnded, DuplicateSeen, PipelineBuilt
from resilience.states import Duplicate

LINK = "orders_to_payments"
Line = tuple[str, str, Mapping[str, Any]]


def lines_of(event: Event) -> list[Line]:
    lines: list[Line] = []
    LogListener(lambda level, name, values: lines.append((level, name, values)))(event)
    return lines


@pytest.mark.parametrize(
    ("state", "level"),
    [
        (BreakerState.OPEN, "warning"),
        (BreakerState.FORCED_OPEN, "warning"),
        (BreakerState.HALF_OPEN, "info"),
        (BreakerState.CLOSED, "info"),
        (BreakerState.FORCED_CLOSED, "info"),
    ],
)
def test_a_breaker_that_changes_is_a_line_and_one_that_opens_a_warning(state: BreakerState, level: str) -> None:
    [line] = lines_of(BreakerChanged(LINK, BreakerState.CLOSED, state))

    assert line == (level, "BreakerChanged", {"link": LINK, "previous": "closed", "state": state.value})


def test_a_pipeline_says_once_what_it_is_made_of() -> None:
    assert lines_of(PipelineBuilt(LINK, ("retry", "timeout"))) == [
        ("info", "PipelineBuilt", {"link": LINK, "policies": ("retry", "timeout")})
    ]


@pytest.mark.parametrize("how", Duplicate)
def test_of_duplicates_only_conflicts_and_take_overs_are_lines(how: Duplicate) -> None:
    expected = ["warning"] if how in (Duplicate.CONFLICT, Duplicate.TAKEN_OVER) else []

    assert [level for level, _, _ in lines_of(DuplicateSeen(LINK, how))] == expected


def test_what_happens_with_every_call_is_no_line() -> None:
    assert lines_of(CallEnded(LINK, Outcome.FAILURE, 0.1)) == []


def test_each_listener_is_told_in_order() -> None:
    told: list[str] = []

    tell_each(lambda _: told.append("first"), lambda _: told.append("second"))(CallEnded(LINK, Outcome.SUCCESS, 0.1))

    assert told == ["first", "second"]


def test_who_hears_only_some_events_is_not_asked_about_the_others() -> None:
    told: list[Event] = []

    class Picky:
        hears = frozenset({PipelineBuilt})

        def __call__(self, event: Event) -> None:
            told.append(event)

    listener = tell_each(Picky())
    listener(CallEnded(LINK, Outcome.SUCCESS, 0.1))
    listener(PipelineBuilt(LINK, ()))

    assert told == [PipelineBuilt(LINK, ())]
