"""Every way in which the topic and the notifications can disagree with what customers were told is counted once."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from chaos.booked import Delay, EventBooks
from chaos.judging.event_ledger import Notified, reconcile_events
from chaos.judging.topic import Told

ACKNOWLEDGED = {"o1", "o2"}
OURS = {"o1", "o2", "o3"}
TOPIC = [Told("o1"), Told("o2"), Told("o3")]
NOTIFIED = [Notified("o1"), Notified("o2"), Notified("o3")]


def books(
    *,
    topic: Sequence[Told] = TOPIC,
    notified: Sequence[Notified] = NOTIFIED,
    waiting: Sequence[str] = (),
) -> tuple[dict[str, int], dict[str, tuple[str, ...]]]:
    """Return the counts that are not as where all agree, and who they are."""
    agree = {"published": 2, "notified": 2}
    found, named = reconcile_events(ACKNOWLEDGED, OURS, topic, notified, waiting)
    return {
        name: count for name, count in found.model_dump(exclude={"delay"}).items() if count != agree.get(name, 0)
    }, named


def test_where_all_agree_nobody_is_named() -> None:
    assert books() == ({}, {})


def test_an_acknowledged_order_that_the_topic_does_not_hold_is_unpublished() -> None:
    assert books(topic=TOPIC[1:]) == ({"unpublished": 1, "published": 1}, {"events.unpublished": ("o1",)})


def test_an_order_that_waits_in_the_outbox_is_unpublished_and_waits() -> None:
    counts, _ = books(topic=TOPIC[1:], waiting=["o1", "of an earlier run"])

    assert counts == {"unpublished": 1, "published": 1, "waiting": 1}


def test_an_event_that_is_there_twice_is_repeated_and_nothing_else() -> None:
    assert books(topic=[*TOPIC, Told("o1")]) == ({"repeated": 1}, {"events.repeated": ("o1",)})


def test_an_acknowledged_order_without_a_notification_is_missing() -> None:
    assert books(notified=NOTIFIED[1:]) == ({"missing": 1, "notified": 1}, {"notifications.missing": ("o1",)})


def test_a_customer_who_is_notified_twice_is_doubled() -> None:
    assert books(notified=[*NOTIFIED, Notified("o2")]) == ({"doubled": 1}, {"notifications.doubled": ("o2",)})


def test_an_order_that_was_not_acknowledged_may_be_missing_but_not_doubled() -> None:
    """Its customer was promised nothing; told twice is told twice all the same."""
    assert books(topic=TOPIC[:2], notified=NOTIFIED[:2]) == ({}, {})
    assert books(notified=[*NOTIFIED, Notified("o3")]) == ({"doubled": 1}, {"notifications.doubled": ("o3",)})


def test_what_is_no_event_is_unreadable() -> None:
    assert books(topic=[*TOPIC, Told(None), Told(None)]) == ({"unreadable": 2}, {})


def test_what_an_earlier_run_left_does_not_count() -> None:
    assert books(topic=[*TOPIC, Told("old"), Told("old")], notified=[*NOTIFIED, Notified("old"), Notified("old")]) == (
        {},
        {},
    )


def test_the_delay_is_of_the_first_notification_of_each_acknowledged_order() -> None:
    """The second one of o1, the order that nobody was promised, and one of an earlier run do not count."""
    notified = [Notified("o1", 20.0), Notified("o2", 40.0), Notified("o1", 900.0), Notified("o3", 800.0)]

    found, _ = reconcile_events(ACKNOWLEDGED, OURS, TOPIC, [*notified, Notified("old", 700.0)], ())

    assert found.delay == Delay(n=2, p50_ms=20.0, p99_ms=40.0, max_ms=40.0)


def test_where_no_outbox_knows_when_an_event_was_written_there_is_no_delay() -> None:
    found, _ = reconcile_events(ACKNOWLEDGED, OURS, TOPIC, NOTIFIED, ())

    assert found.delay is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.integers(0, 2)), max_size=12))
def test_each_order_is_counted_as_what_befell_it(cases: list[tuple[bool, int, int]]) -> None:
    """Each case: was the customer told, how often the topic tells of the order, how many notifications there are."""
    ids = [f"o{number}" for number in range(len(cases))]
    acknowledged = {one for one, (told, *_) in zip(ids, cases, strict=True) if told}
    topic = [Told(one) for one, (_, times, _) in zip(ids, cases, strict=True) for _ in range(times)]
    notified = [Notified(one) for one, (*_, times) in zip(ids, cases, strict=True) for _ in range(times)]

    found, named = reconcile_events(acknowledged, ids, topic, notified, ())

    assert found == EventBooks(
        published=sum(told and times > 0 for told, times, _ in cases),
        unpublished=sum(told and not times for told, times, _ in cases),
        repeated=sum(times > 1 for _, times, _ in cases),
        unreadable=0,
        waiting=0,
        notified=sum(told and times > 0 for told, _, times in cases),
        missing=sum(told and not times for told, _, times in cases),
        doubled=sum(times > 1 for *_, times in cases),
    )
    assert len(named.get("notifications.missing", ())) == found.missing
