"""CoDel: the shortest delay of an interval tells a queue that stands from one that works."""

import pytest

from resilience.codel import CoDel, CoDelSettings
from resilience.errors import SettingsError

# Powers of two, so that a test may stand exactly on a bound.
TARGET_S, INTERVAL_S = 0.25, 4.0
SLOW_S = 0.75


@pytest.fixture
def codel() -> CoDel:
    return CoDel(CoDelSettings(TARGET_S, INTERVAL_S), now=8.0)


def stand(codel: CoDel) -> None:
    """Let the queue stand for one whole interval, from 12 to 16."""
    codel.drop(SLOW_S, 12.0)
    codel.drop(SLOW_S, 16.0)
    assert codel.overloaded


def test_the_defaults_are_facebooks() -> None:
    assert CoDelSettings() == CoDelSettings(target_s=0.005, interval_s=0.1)


@pytest.mark.parametrize("field", ["target_s", "interval_s"])
def test_a_time_must_be_more_than_0(field: str) -> None:
    with pytest.raises(SettingsError, match=f"CoDelSettings.{field} must be more than 0, got 0"):
        CoDelSettings(**{field: 0})


def test_a_queue_does_not_stand_before_it_has_stood(codel: CoDel) -> None:
    assert codel.overloaded is False
    codel.empty()
    assert codel.overloaded is False


def test_while_the_queue_works_no_delay_is_too_long(codel: CoDel) -> None:
    assert not any(codel.drop(1e6, 8.0 + tenth / 10) for tenth in range(39))
    assert not codel.overloaded


def test_an_interval_of_long_delays_is_a_queue_that_stands(codel: CoDel) -> None:
    codel.drop(SLOW_S, 12.0)
    codel.drop(TARGET_S + 0.125, 15.0)
    codel.drop(SLOW_S, 15.999)
    assert not codel.overloaded, "the interval is not over"

    codel.drop(SLOW_S, 16.0)

    assert codel.overloaded


@pytest.mark.parametrize("place", range(3))
def test_one_delay_within_the_target_is_a_queue_that_works(codel: CoDel, place: int) -> None:
    """Wherever it lies in the interval."""
    delays = [SLOW_S] * 3
    delays[place] = TARGET_S
    for second, delay_s in enumerate(delays):
        codel.drop(delay_s, 12.0 + second)
    codel.drop(SLOW_S, 16.0)

    assert not codel.overloaded


def test_the_first_interval_begins_with_the_queue_which_is_empty_then(codel: CoDel) -> None:
    codel.drop(SLOW_S, 9.0)
    codel.drop(SLOW_S, 12.0)
    codel.drop(SLOW_S, 13.0)

    assert not codel.overloaded, "the first ended at 12, the second ends at 16"


def test_while_it_stands_who_waited_more_than_twice_the_target_is_dropped(codel: CoDel) -> None:
    stand(codel)

    assert codel.drop(2 * TARGET_S + 0.001, 16.5)
    assert not codel.drop(2 * TARGET_S, 16.5)


def test_the_first_of_an_interval_is_never_dropped(codel: CoDel) -> None:
    """So a server that takes less than one an interval drops nothing: its delays say nothing about standing."""
    stand(codel)

    assert not codel.drop(SLOW_S, 20.0)
    assert codel.overloaded
    assert codel.drop(SLOW_S, 23.9)
    assert not any(codel.drop(SLOW_S, 24.0 + INTERVAL_S * passed) for passed in range(5))


def test_the_interval_in_force_begins_with_its_first_delay(codel: CoDel) -> None:
    codel.drop(SLOW_S, 13.0)
    codel.drop(SLOW_S, 16.5)
    assert not codel.overloaded, "16.5 is still in the interval that began at 13"

    codel.drop(SLOW_S, 17.0)

    assert codel.overloaded


def test_a_short_delay_ends_the_standing_with_its_interval(codel: CoDel) -> None:
    stand(codel)
    codel.drop(0.125, 17.0)
    assert codel.drop(SLOW_S, 18.0), "the interval is not over"

    codel.drop(SLOW_S, 20.0)

    assert not codel.overloaded


@pytest.mark.parametrize("how", ["empty", "no delay"])
def test_who_does_not_wait_at_all_ends_the_standing_at_once(codel: CoDel, how: str) -> None:
    """An hour after the last request the queue does not stand, although the last interval said so."""
    stand(codel)
    if how == "empty":
        codel.empty()
    else:
        assert not codel.drop(0.0, 3600.0)

    assert not codel.overloaded
    assert not codel.drop(SLOW_S, 3601.0)
    assert not codel.overloaded, "the shortest delay of that interval was 0"
