"""From figures, differences and evidence to CONFIRMED, NOT PROVEN or REFUTED; pure.

Three rules, in this order. What the ledger proves to be lost or doubled is a fact and REFUTES, whether or not somebody
expected otherwise and however thin the rest of the evidence is. Where a piece of evidence does not hold, nothing else
of the run is proven, neither that an expectation holds nor that it does not. Otherwise each expectation is judged by
its figure, and the worst word wins: CONFIRMED < NOT PROVEN < REFUTED. A run that judged nothing proved nothing.
"""

from collections.abc import Mapping, Sequence

from chaos.booked import ArmLedger
from chaos.judging.differing import no_difference
from chaos.judging.figure_names import FIGURES, VIOLATIONS, Unit
from chaos.judging.figures import Figures, violations
from chaos.report.numbers import quantity
from chaos.run import Difference, Evidence, Figure, Judged, Verdict, Word
from chaos.scenario import Expectation, Scenario

SEVERITY: Mapping[Word, int] = {"CONFIRMED": 0, "NOT PROVEN": 1, "REFUTED": 2}


def judge(
    scenario: Scenario, figures: Figures, differences: Sequence[Difference], evidence: Sequence[Evidence]
) -> tuple[Judged, ...]:
    """Judge each expectation of the scenario and, where its arms must not differ, each difference between them."""
    doubts = ", ".join(piece.name for piece in evidence if not piece.holds)
    judged = [_judge(expectation, figures) for expectation in scenario.expect]
    if scenario.must_not_differ:
        judged.extend(no_difference(scenario, figures, differences))
    return tuple(_doubted(one, doubts) if doubts else one for one in judged)


def conclude(judged: Sequence[Judged], evidence: Sequence[Evidence], ledger: Mapping[str, ArmLedger]) -> Verdict:
    """Return the worst word, and the reasons that led to it."""
    facts = [
        f"{arm}: {count} {_SAID[name]} ({name})"
        for arm, books in ledger.items()
        for name, count in violations(books).items()
    ]
    failed = [piece for piece in evidence if not piece.holds]
    words: list[Word] = [one.word for one in judged] or ["NOT PROVEN"]
    if failed:
        words.append("NOT PROVEN")
    if facts:
        words.append("REFUTED")
    word = max(words, key=SEVERITY.__getitem__)
    return Verdict(
        word=word,
        reasons=_reasons(word, judged, failed, facts),
        held=sum(one.word == "CONFIRMED" for one in judged),
        expected=len(judged),
    )


_SAID = {
    "orders.lost": "acknowledged orders are lost",
    "orders.doubled": "idempotency keys have more than one order",
    "charges.lost": "acknowledged orders have no charge",
    "charges.doubled": "orders were charged more than once",
}


def _reasons(word: Word, judged: Sequence[Judged], failed: Sequence[Evidence], facts: Sequence[str]) -> tuple[str, ...]:
    if word == "REFUTED":
        own = [one.reason for one in judged if one.word == "REFUTED" and (one.figure not in VIOLATIONS or not facts)]
        return (*facts, *own)
    if word == "NOT PROVEN":
        thin = [f"{piece.name}: {piece.detail}; {piece.remedy}" for piece in failed]
        # With a failed piece of evidence every expectation is not proven, for that one reason.
        own = [] if failed else [one.reason for one in judged if one.word == "NOT PROVEN"]
        return (*thin, *own) if judged else (*thin, "the scenario expects nothing; write expectations under `expect:`")
    return (f"{len(judged)} of {len(judged)} expectations hold",)


def _judge(expectation: Expectation, figures: Figures) -> Judged:
    bound = "at_most" if expectation.at_least is None else "at_least"
    # The model holds exactly one of the two.
    limit = (expectation.at_most or 0.0) if expectation.at_least is None else expectation.at_least
    measured = figures.get(expectation.arm, {}).get(expectation.phase, {}).get(expectation.figure)
    word, reason = _word(expectation, measured, bound, limit)
    if expectation.arm not in figures:
        reason = f"arm {expectation.arm} did not run"
    return Judged.model_validate(
        {
            "arm": expectation.arm,
            "phase": expectation.phase,
            "figure": expectation.figure,
            "bound": bound,
            "limit": limit,
            "measured": measured,
            "word": word,
            "reason": reason,
        }
    )


def _word(expectation: Expectation, measured: Figure | None, bound: str, limit: float) -> tuple[Word, str]:
    """Return the word on one expectation, and a sentence with both figures."""
    name = FIGURES[expectation.figure]
    place = f"{expectation.arm}, {expectation.phase}: {expectation.figure}"
    if measured is None or measured.value is None:
        return "NOT PROVEN", f"{place} has nothing to measure"
    shown, wanted = _both(measured.value, limit, name.unit)
    more = "more than " if measured.censored else ""
    said = f"{place} is {more}{shown}, {bound.replace('_', ' ')} {wanted} was expected"
    holds = measured.value >= limit if bound == "at_least" else measured.value <= limit
    if name.name in VIOLATIONS and not holds:
        return "REFUTED", said
    if measured.n < name.needs:
        return "NOT PROVEN", f"{said}, but it stands on {measured.n} requests ({name.needs} needed)"
    if measured.censored:
        # The true value is larger: from the limit on that proves "at least" and disproves "at most", below it nothing.
        if measured.value < limit:
            return "NOT PROVEN", f"{said}, but the phase ended first; lengthen phases.{expectation.phase}_s"
        holds = bound == "at_least"
    return ("CONFIRMED" if holds else "REFUTED"), said


def _both(value: float, limit: float, unit: Unit) -> tuple[str, str]:
    """Write a figure and its bound so that they look different where they are."""
    shown, wanted = quantity(value, unit), quantity(limit, unit)
    if shown == wanted and value != limit:
        return f"{value:.6g}", f"{limit:.6g}"
    return shown, wanted


def _doubted(one: Judged, doubts: str) -> Judged:
    """Return the judgement of a run whose evidence does not hold: only a proven loss stays."""
    if one.figure in VIOLATIONS and one.word == "REFUTED":
        return one
    return one.model_copy(update={"word": "NOT PROVEN", "reason": f"{one.reason}; not proven without {doubts}"})
