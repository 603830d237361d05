"""When the events of an arm are at rest: all told and a moment gone by, or nothing moved for half of the time."""

from chaos.judging.at_rest import Counts, Rest

DONE = Counts(waiting=0, untold=0, notifications=40)


def after(bound_s: float, *seen: tuple[float, Counts]) -> float | None:
    """Return the first second at which these counts are rest, None for none of them."""
    rest = Rest(bound_s, began=0.0)
    return next((now for now, counts in seen if rest.seen(counts, now)), None)


def ticks(counts: Counts, until_s: int, since_s: int = 0) -> list[tuple[float, Counts]]:
    return [(float(second), counts) for second in range(since_s, until_s + 1)]


def test_what_is_told_is_at_rest_after_a_moment_for_one_too_many() -> None:
    assert after(15, *ticks(DONE, 15)) == 1


def test_a_notification_too_many_begins_the_moment_again() -> None:
    doubled = Counts(waiting=0, untold=0, notifications=41)

    assert after(15, (0, DONE), (0.75, doubled), (1.5, doubled), (1.75, doubled)) == 1.75


def test_what_moves_is_waited_for() -> None:
    moving = [(float(second), Counts(waiting=15 - second, untold=15 - second, notifications=0)) for second in range(15)]

    assert after(15, *moving) is None


def test_what_stands_still_for_half_of_the_time_is_the_ledgers_to_tell() -> None:
    lost = Counts(waiting=3, untold=5, notifications=35)

    assert after(15, *ticks(lost, 15)) == 8
    assert after(2, *ticks(lost, 2)) == 1


def test_one_that_goes_on_late_is_still_under_way_at_the_end() -> None:
    """It is said how much of it was."""
    rest = Rest(15, began=100.0)
    for now, counts in [(100.0, Counts(9, 9, 0)), (107.0, Counts(2, 4, 5)), (114.0, Counts(2, 4, 5))]:
        assert not rest.seen(counts, now)
        assert not rest.late(now)

    assert rest.late(115.0)
    assert rest.said() == "2 wait in the outbox, 4 have no notification"


def test_a_database_that_never_answers_tells_nothing() -> None:
    assert Rest(15, began=0.0).said() == "nothing is known of its events"
