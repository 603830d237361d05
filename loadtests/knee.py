"""Where a ramp of open arrivals met its knee: the rate from which on the service no longer answers in time."""

from collections.abc import Sequence
from typing import NamedTuple

GOOD_SHARE = 0.9
# In seconds: long enough that answers under way at its edges do not matter, short enough for a ramp of half a minute.
WINDOW = 3
IN_A_ROW = WINDOW + 1


class Moment(NamedTuple):
    """The counts of all arms and kinds at one moment, about a second after the one before."""

    at_s: float
    offered: int
    in_time: int


def knee(moments: Sequence[Moment]) -> float | None:
    """Return the offered rate, a second, from which on fewer than GOOD_SHARE were in time, None where none was."""
    bad: list[float] = []
    for before, after in zip(moments, moments[WINDOW:], strict=False):
        offered = after.offered - before.offered
        if offered == 0 or (after.in_time - before.in_time) / offered >= GOOD_SHARE:
            bad.clear()
            continue
        bad.append(offered / (after.at_s - before.at_s))
        # One slow second is no knee.
        if len(bad) == IN_A_ROW:
            return bad[0]
    return None
