"""How sure is a difference between two arms? A paired block bootstrap on the seconds of a phase.

Both arms got the same arrivals in the same second, under the same noise of the machine: the seconds are pairs, and a
resample draws the same seconds for both. Requests of one second are not independent (they share queues and pauses),
so seconds, not requests, are drawn: B. Efron, "Bootstrap Methods: Another Look at the Jackknife" (1979), on blocks as
H. R. Künsch, "The Jackknife and the Bootstrap for General Stationary Observations" (1989), here blocks of one second
that do not overlap (E. Carlstein, 1986).

Percentile intervals of few blocks are too narrow; their ends are moved out as T. Hesterberg, "What Teachers Should
Know About the Bootstrap" (2015), section 4.3 "expanded percentile" does. What remains: dependence over more than a
second is not seen, so in a phase that drifts (a queue that grows) the interval speaks of these seconds, not of a
longer phase.
"""

import math
from collections.abc import Sequence
from itertools import product
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from chaos.judging.quantiles import nearest_rank
from chaos.judging.rows import Flags, Floats, Rows, split
from chaos.records import Request
from chaos.run import Difference
from chaos.scenario import KINDS, Phase, Scenario

Counts = npt.NDArray[np.int64]
# Second minus first, and the ends of its interval.
Estimate = tuple[float, float, float]

RESAMPLES = 1_000
CONFIDENCE = 0.95
# One second says nothing about how much seconds differ.
MIN_BLOCKS = 2
BLOCK_S = 1.0
_COMPARED: tuple[Phase, ...] = ("fault", "recovery")
# Sorted values times resamples that are summed at once; bounds the memory to about 32 MB.
_CHUNK_CELLS = 4_000_000


def differences(
    requests: Sequence[Request], scenario: Scenario, seed: int, *, resamples: int = RESAMPLES
) -> tuple[Difference, ...]:
    """Return each further arm minus the first, in fault and recovery, for in_time_share and p95_ms of both kinds.

    `seed` makes the intervals repeatable. `seconds` counts those in which both arms had requests. A figure with
    fewer than two of them, or without a request to measure in one of the arms, is left out.
    """
    first, *others = [arm.name for arm in scenario.arms]
    rows = split(requests, [first, *others])
    found: list[Difference] = []
    for second, phase, kind in product(others, _COMPARED, KINDS):
        pair = Pair(rows[first, kind], rows[second, kind], *scenario.phases.window(phase))
        if pair.blocks < MIN_BLOCKS:
            continue
        # One stream of chance a pair: adding a figure or an arm must not move the intervals of the others.
        rng = np.random.default_rng([seed, *f"{second}/{phase}/{kind}".encode()])
        draws = pair.draws(rng, resamples)
        estimates: dict[str, Estimate | None] = {
            "in_time_share": pair.share(draws, scenario.load.in_time_s),
            "p95_ms": pair.quantile(draws, 0.95),
        }
        for name, estimate in estimates.items():
            if estimate is not None:
                value, low, high = estimate
                found.append(
                    Difference(
                        first=first,
                        second=second,
                        phase=phase,
                        figure=f"{kind}.{name}",
                        value=value,
                        low=low,
                        high=high,
                        confidence=CONFIDENCE,
                        seconds=pair.blocks,
                    )
                )
    return tuple(found)


class Pair:
    """The requests of two arms in one window, by the second they were intended in.

    A comparison takes the draws of at least MIN_BLOCKS blocks.
    """

    def __init__(self, first: Rows, second: Rows, from_s: float, to_s: float) -> None:
        self._rows = [rows.within(from_s, to_s) for rows in (first, second)]
        seconds = [((rows.intended_s - from_s) // BLOCK_S).astype(int) for rows in self._rows]
        present = np.intersect1d(seconds[0], seconds[1])
        self._rows = [rows.where(np.isin(own, present)) for rows, own in zip(self._rows, seconds, strict=True)]
        self._block = [np.searchsorted(present, own[np.isin(own, present)]) for own in seconds]
        self.blocks = len(present)

    def draws(self, rng: np.random.Generator, resamples: int) -> Counts:
        """Return one row a resample: how often each block was drawn, the same for both arms."""
        return rng.multinomial(self.blocks, np.full(self.blocks, 1 / self.blocks), resamples)

    def share(self, draws: Counts, in_time_s: float) -> Estimate:
        """Compare the shares of arrivals that were answered in time."""
        shares: list[Floats] = []
        values = []
        for rows, block in zip(self._rows, self._block, strict=True):
            marked = rows.in_time(in_time_s)
            asked = np.bincount(block, minlength=self.blocks)
            served = np.bincount(block, weights=marked, minlength=self.blocks)
            shares.append((draws @ served) / (draws @ asked))
            values.append(float(marked.mean()))
        return values[1] - values[0], *interval(shares[1] - shares[0], self.blocks)

    def quantile(self, draws: Counts, q: float) -> Estimate | None:
        """Compare the quantile `q` of the latencies (ms) of what was sent; None where an arm sent nothing."""
        quantiles: list[Floats] = []
        values = []
        for rows, block in zip(self._rows, self._block, strict=True):
            sent: Flags = ~rows.skipped
            if not sent.any():
                return None
            order = np.argsort(rows.latency_ms[sent], kind="stable")
            sorted_ms, its_block = rows.latency_ms[sent][order], block[sent][order]
            quantiles.append(_resampled_quantiles(sorted_ms, its_block, draws, q))
            values.append(float(sorted_ms[nearest_rank(len(sorted_ms), q) - 1]))
        gaps = quantiles[1] - quantiles[0]
        return values[1] - values[0], *interval(gaps[~np.isnan(gaps)], self.blocks)


def _resampled_quantiles(sorted_ms: Floats, block: Counts, draws: Counts, q: float) -> Floats:
    """Return the nearest-rank quantile of each resample; NaN where it drew only blocks without a value."""
    result = np.full(len(draws), np.nan)
    step = max(1, _CHUNK_CELLS // len(sorted_ms))
    for start in range(0, len(draws), step):
        # A value weighs as often as its block was drawn, so the rank is found in the running sum of the weights.
        running = np.cumsum(draws[start : start + step, block], axis=1)
        for row, weights in enumerate(running):
            if weights[-1]:
                rank = nearest_rank(weights[-1], q)
                result[start + row] = sorted_ms[np.searchsorted(weights, rank)]
    return result


def interval(resampled: Floats, blocks: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the expanded percentile interval of a resampled figure that stands on `blocks` blocks.

    The tail is widened from alpha/2 to Phi(-sqrt(n / (n-1)) t), t being Student's quantile with n-1 degrees: it makes
    up for the resamples' spread, which is too small by sqrt((n-1) / n), and for not knowing that spread. `blocks` is
    at least MIN_BLOCKS.
    """
    t = _student_quantile(1 - (1 - confidence) / 2, blocks - 1)
    tail = NormalDist().cdf(-math.sqrt(blocks / (blocks - 1)) * t)
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(low), float(high)


def _student_quantile(p: float, degrees: int) -> float:
    """Return Student's quantile by its Cornish-Fisher expansion (G. W. Hill, 1970).

    Off by less than 1 % from 5 degrees on, and too small below.
    """
    z = NormalDist().inv_cdf(p)
    return (
        z
        + (z**3 + z) / (4 * degrees)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
    )
