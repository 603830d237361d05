"""Do arms differ that must not? Asked of an A/A run, which tests the lab itself, and of a control without a fault.

Three answers, by the interval of the difference. Wholly beyond the resolution of its figure: they differ. Wholly within
what would matter: they do not, and "equal within X" names an X that the interval does not leave. Otherwise the interval
is too wide to say, and nothing is proven.

Asking whether an interval holds 0 would not do: eight intervals of 95 % miss 0 by chance somewhere in a third of all
runs, and with enough requests a tenth of a millisecond between two processes, of which one happened to get the quieter
processor, is "significant". Nor would asking for an interval within the resolution: ten seconds on a busy machine do
not give one.
"""

from collections.abc import Iterator, Sequence
from itertools import product

from chaos.judging.figure_names import DIFFERENCE_SUFFIX, unit_of
from chaos.judging.figures import Figures
from chaos.report.numbers import change, interval
from chaos.run import Difference, Figure, Judged, Word
from chaos.scenario import Scenario

# 1 point: what a share of 1,000 requests cannot tell from its own noise (standard error at 90 %: 0.9 points).
RESOLUTION_SHARE = 0.01
# 5 ms, twice what the generator alone is late by at p99 on a quiet machine (2 to 3 ms, measured); for slower figures a
# tenth of their baseline, which is what they vary by between two runs of one scenario.
RESOLUTION_MS = 5.0
RESOLUTION_OF_BASELINE = 0.1
# What matters is what could turn an answer. 5 points: the scenarios' bounds on shares leave tens of points between a
# shop that serves and one that does not, and well_at_start lets as many be missing at rest. 20 ms: a tenth of the
# tightest bound on a latency (200 ms). Half of the baseline: their ratios ask for less than 3 or more than 10 times.
MATTERS_SHARE = 0.05
MATTERS_MS = 20.0
MATTERS_OF_BASELINE = 0.5
# Seconds with requests of both arms; the interval of fewer is mostly Student's quantile.
MIN_SECONDS = 5

COMPARED = ("in_time_share", "p95_ms")


def no_difference(scenario: Scenario, figures: Figures, found: Sequence[Difference]) -> tuple[Judged, ...]:
    """Judge every difference that could be there: each further arm against the first, fault and recovery."""
    by_place = {(one.second, one.phase, one.figure): one for one in found}
    first = scenario.arms[0].name
    return tuple(
        _judge(place, by_place.get(place), resolution(first, place[2], figures), matters(first, place[2], figures))
        for place in _places(scenario)
    )


def _places(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    others = [arm.name for arm in scenario.arms[1:]]
    for arm, phase, kind, name in product(others, ("fault", "recovery"), scenario.load.kinds, COMPARED):
        yield arm, phase, f"{kind}.{name}"


def resolution(first: str, figure: str, figures: Figures) -> float:
    """Return the difference, in the unit of the figure, from which two arms can be told apart."""
    if unit_of(figure) == "share":
        return RESOLUTION_SHARE
    return max(RESOLUTION_MS, RESOLUTION_OF_BASELINE * _baseline(first, figure, figures))


def matters(first: str, figure: str, figures: Figures) -> float:
    """Return the difference, in the unit of the figure, that an interval must not hold for two arms to be equal."""
    if unit_of(figure) == "share":
        return MATTERS_SHARE
    return max(MATTERS_MS, MATTERS_OF_BASELINE * _baseline(first, figure, figures))


def _baseline(arm: str, figure: str, figures: Figures) -> float:
    return figures[arm]["baseline"][figure].value or 0.0


def _judge(place: tuple[str, str, str], one: Difference | None, told_apart: float, matters_from: float) -> Judged:
    """Judge one difference; the limit of the result is the one that decided."""
    arm, phase, figure = place
    limit = told_apart
    word: Word = "NOT PROVEN"
    if one is None:
        reason = f"{arm}, {phase}: there is nothing to compare in {figure}"
    elif one.seconds < MIN_SECONDS:
        reason = f"{arm}, {phase}: {figure} has {one.seconds} seconds with requests of both, {MIN_SECONDS} are needed"
    else:
        word, limit, verb, tail = _answer(one, told_apart, matters_from)
        unit = unit_of(figure)
        reason = (
            f"{arm} and {one.first} {verb} in {figure} in {phase}: {change(one.value, unit)}"
            f" {interval(one.low, one.high, unit)}, {tail} {change(limit, unit).removeprefix('+')}"
        )
        if word == "NOT PROVEN":
            reason += f"; lengthen phases.{phase}_s, or stop what else runs"
    return Judged(
        arm=arm,
        phase=phase,
        figure=f"{figure}{DIFFERENCE_SUFFIX}",
        bound="at_most",
        limit=limit,
        measured=None if one is None else Figure(value=abs(one.value), n=one.seconds),
        word=word,
        reason=reason,
    )


def _answer(one: Difference, told_apart: float, matters_from: float) -> tuple[Word, float, str, str]:
    """Return the word, the limit that decided, and how both are said."""
    if one.low > told_apart or one.high < -told_apart:
        return "REFUTED", told_apart, "differ", "more than"
    widest = max(abs(one.low), abs(one.high))
    if widest <= told_apart:
        return "CONFIRMED", told_apart, "do not differ", "equal within"
    if widest <= matters_from:
        return "CONFIRMED", matters_from, "do not differ", "equal within"
    return "NOT PROVEN", matters_from, "may differ", "which could hide"
