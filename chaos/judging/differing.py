"""Do arms differ that must not? Asked of an A/A run, which tests the lab itself, and of a control without a fault.

The arms pass for equal in a figure unless the whole interval of their difference lies beyond the resolution of that
figure. Asking only whether an interval holds 0 would not do: eight intervals of 95 % miss 0 by chance somewhere in a
third of all runs, and with enough requests a tenth of a millisecond between two processes, of which one happened to
get the quieter processor, is "significant". A difference counts when it is proven to be larger than anybody cares for.
"""

from collections.abc import Iterator, Sequence
from itertools import product

from chaos.judging.figure_names import DIFFERENCE_SUFFIX, unit_of
from chaos.judging.figures import Figures
from chaos.report.numbers import change, interval, quantity
from chaos.run import Difference, Figure, Judged, Word
from chaos.scenario import KINDS, Scenario

# 1 point: what a share of 1,000 requests cannot tell from its own noise (standard error at 90 %: 0.9 points).
RESOLUTION_SHARE = 0.01
# 1 ms, the generator's own unrest; for slower figures a tenth of their baseline, which is what they vary by between
# two runs of one scenario.
RESOLUTION_MS = 1.0
RESOLUTION_OF_BASELINE = 0.1
# Seconds with requests of both arms; the interval of fewer is mostly Student's quantile.
MIN_PAIRS = 5

COMPARED = ("in_time_share", "p95_ms")


def no_difference(scenario: Scenario, figures: Figures, found: Sequence[Difference]) -> tuple[Judged, ...]:
    """Judge every difference that could be there: each further arm against the first, fault and recovery."""
    by_place = {(one.second, one.phase, one.figure): one for one in found}
    return tuple(
        _judge(place, by_place.get(place), resolution(scenario.arms[0].name, place[2], figures))
        for place in _places(scenario)
    )


def _places(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    kinds = [kind for kind in KINDS if getattr(scenario.load, f"{kind}_per_s") > 0]
    others = [arm.name for arm in scenario.arms[1:]]
    for arm, phase, kind, name in product(others, ("fault", "recovery"), kinds, COMPARED):
        yield arm, phase, f"{kind}.{name}"


def resolution(first: str, figure: str, figures: Figures) -> float:
    """Return the difference, in the unit of the figure, below which two arms count as equal."""
    if unit_of(figure) == "share":
        return RESOLUTION_SHARE
    baseline = figures[first]["baseline"][figure].value or 0.0
    return max(RESOLUTION_MS, RESOLUTION_OF_BASELINE * baseline)


def _judge(place: tuple[str, str, str], one: Difference | None, limit: float) -> Judged:
    arm, phase, figure = place
    unit = unit_of(figure)
    within = f"equal within {quantity(limit, unit)}"
    word: Word
    if one is None:
        word, reason = "NOT PROVEN", f"{arm}, {phase}: there is nothing to compare in {figure}"
    elif one.pairs < MIN_PAIRS:
        word = "NOT PROVEN"
        reason = f"{arm}, {phase}: {figure} has {one.pairs} seconds with requests of both arms, {MIN_PAIRS} are needed"
    else:
        differ = one.low > limit or one.high < -limit
        word = "REFUTED" if differ else "CONFIRMED"
        verb = "differ" if differ else "do not differ"
        reason = (
            f"{arm} and {one.first} {verb} in {figure} in {phase}: {change(one.value, unit)}"
            f" {interval(one.low, one.high, unit)}, {within}"
        )
    return Judged(
        arm=arm,
        phase=phase,
        figure=f"{figure}{DIFFERENCE_SUFFIX}",
        bound="at_most",
        limit=limit,
        measured=None if one is None else Figure(value=abs(one.value), n=one.pairs),
        word=word,
        reason=reason,
    )
