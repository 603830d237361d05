"""When was an arm back? One definition, in bins, so that two readers of a run compute the same second.

Time after the end of the fault phase is cut into bins of BIN_S. The arm is back at the beginning of the first bin
whose own arrivals are answered in time at ENOUGH of the share of the baseline, and whose arrivals together with those
of the bins after it, STAY_S long in all, are so too. The first bin alone would call a lucky half second a recovery;
asking it of each bin would call one late answer among ten a relapse.

Where no such bin begins early enough to be watched for STAY_S before the phase ends, the value is the last instant
that could have been, marked as censored: the true value is larger.
"""

import numpy as np

from chaos.judging.rows import Rows
from chaos.run import Figure

BIN_S = 0.5
STAY_S = 3.0
ENOUGH = 0.9
_BINS_TO_STAY = round(STAY_S / BIN_S)


def recovery(rows: Rows, in_time_s: float, window: tuple[float, float], *, baseline_share: float | None) -> Figure:
    """Return the seconds from the beginning of `window`, the recovery phase, until the arm is back.

    `rows` are those of one arm and kind; `baseline_share` is its in-time share of the baseline. None where the
    baseline served nobody or no one asked in the recovery.
    """
    from_s, to_s = window
    own = rows.within(from_s, to_s)
    if not baseline_share or not len(own):
        return Figure(value=None, n=len(own))
    bins = int((to_s - from_s) / BIN_S + 1e-9)
    index = ((own.intended_s - from_s) / BIN_S).astype(int)
    whole = index < bins
    asked = np.bincount(index[whole], minlength=bins)
    served = np.bincount(index[whole], weights=own.in_time(in_time_s)[whole], minlength=bins)
    enough = ENOUGH * baseline_share - 1e-9
    last = bins - _BINS_TO_STAY
    for first in range(last + 1):
        stay = slice(first, first + _BINS_TO_STAY)
        if asked[first] and served[first] >= enough * asked[first] and served[stay].sum() >= enough * asked[stay].sum():
            return Figure(value=first * BIN_S, n=len(own))
    return Figure(value=max(0.0, last * BIN_S), n=len(own), censored=True)
