"""One definition of a percentile for everything the lab says."""

import math

import numpy as np
import numpy.typing as npt


def percentile(values: npt.NDArray[np.float64], q: float) -> float:
    """Return the smallest value that at least the share `q` of all values does not exceed (0 < q <= 1).

    This is the nearest rank, type 1 of Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996): always a
    latency that somebody had, never a mean of an answer in 20 ms and a customer who gave up after 5 s. Raises
    ValueError for no values.
    """
    if not len(values):
        raise ValueError("no values have no percentile")
    rank = nearest_rank(len(values), q)
    return float(np.partition(values, rank - 1)[rank - 1])


def nearest_rank(n: float, q: float) -> int:
    """Return the rank, from 1, of the percentile `q` among `n` values."""
    # A processor has 0.07 * 100 = 7.000000000000001; the rank must not jump to 8 for that.
    return max(1, math.ceil(q * n - 1e-9))
