"""Where a ramp met its knee."""

import pytest

from loadtests.knee import Moment, knee


def ramp(capacity: float, seconds: int = 30, peak: float = 300) -> list[Moment]:
    """Return the counts of a ramp against a service that answers so many a second in time, and nothing beyond."""
    moments, offered, in_time = [Moment(0.0, 0, 0)], 0.0, 0.0
    for second in range(seconds):
        rate = peak * (second + 1) / seconds
        offered += rate
        in_time += rate if rate <= capacity else 0
        moments.append(Moment(second + 1.0, round(offered), round(in_time)))
    return moments


@pytest.mark.parametrize("capacity", [50, 120, 200])
def test_the_knee_is_where_answers_stop_to_be_in_time(capacity: float) -> None:
    # A window of 3 s looks back, and the ramp rises by 10 a second.
    assert knee(ramp(capacity)) == pytest.approx(capacity, abs=20)


def test_a_service_that_carries_it_all_has_none() -> None:
    assert knee(ramp(1000)) is None


def test_one_slow_second_is_no_knee() -> None:
    moments = [Moment(float(second), 100 * second, 100 * second - (60 if second >= 10 else 0)) for second in range(30)]

    assert knee(moments) is None


@pytest.mark.parametrize("moments", [[], [Moment(0.0, 0, 0)], [Moment(float(second), 5, 5) for second in range(20)]])
def test_nothing_offered_has_no_knee(moments: list[Moment]) -> None:
    assert knee(moments) is None
