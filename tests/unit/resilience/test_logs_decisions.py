"""What the other tests of the log lines leave open."""

from resilience.events import Event, HedgeWon
from resilience.logs import tell_each


def test_each_of_several_listeners_hears_the_very_event() -> None:
    first: list[Event] = []
    second: list[Event] = []
    event = HedgeWon("orders_to_payments")

    tell_each(first.append, second.append)(event)

    assert first == second == [event]
