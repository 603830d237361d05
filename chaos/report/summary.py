"""The answer of a run in one paragraph, built from its figures; pure.

Nothing is said that the figures do not say, whatever the scenario hoped for (`chaos.report.arm_words`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chaos.report import figure_words as names
from chaos.report.arm_words import Piece, clauses, sentence
from chaos.report.evidence_words import evidence_lack
from chaos.report.faults_in_words import fault_clause
from chaos.run import Judged, Run

PHASE_WORDS = {"baseline": "before", "fault": "during", "recovery": "after"}


@dataclass(frozen=True, slots=True)
class Missing:
    """A reason why a run proves nothing, and what to do about it."""

    lack: str
    detail: str
    remedy: str


def summary(run: Run) -> tuple[Piece, ...]:
    """Return the paragraph that answers the scenario's question."""
    doubt = proves_nothing(run)
    return (*((Piece(f"{doubt} "),) if doubt else ()), *measured(run))


def proves_nothing(run: Run) -> str:
    """Return the sentence that a NOT PROVEN report begins with; empty for other verdicts."""
    if run.verdict.word != "NOT PROVEN":
        return ""
    lacks = list(dict.fromkeys(one.lack for one in missing(run))) or ["there is no evidence"]
    return f"This run proves nothing: {'; '.join(lacks[:2])}{f' (and {len(lacks) - 2} more)' if lacks[2:] else ''}."


def measured(run: Run) -> tuple[Piece, ...]:
    """Return what was measured, arm by arm, and where it is not what was expected."""
    opening = _opening(run)
    start = f"What was measured all the same: {opening}" if run.verdict.word == "NOT PROVEN" else _capital(opening)
    pieces: list[Piece] = []
    for index, arm in enumerate(run.figures):
        pieces += [Piece(" The " if index else f"{start} the "), Piece(arm, arm, strong=True), Piece(" shop ")]
        pieces += [*sentence(clauses(run, arm)), Piece(".")]
    return (*(pieces or (Piece("No figure was measured."),)), *_same_profile(run), *_refuted(run))


def plain(pieces: Iterable[Piece]) -> str:
    """Return the text of pieces."""
    return "".join(piece.text for piece in pieces)


def missing(run: Run) -> tuple[Missing, ...]:
    """Return what a NOT PROVEN run lacked, the most telling first; empty for other verdicts."""
    if run.verdict.word != "NOT PROVEN":
        return ()
    found = [Missing(evidence_lack(one.name), one.detail, one.remedy) for one in run.evidence if not one.holds]
    # Where evidence is missing every expectation is in doubt for that one reason: it need not be said again.
    found = found or [Missing(expected(one), one.reason, "") for one in run.expectations if one.word == "NOT PROVEN"]
    lack = "there is no evidence" if run.expectations else "nothing was expected"
    return tuple(found) or tuple(Missing(lack, reason, "") for reason in run.verdict.reasons)


def failed(run: Run) -> tuple[Judged, ...]:
    """Return the expectations that did not hold."""
    return tuple(one for one in run.expectations if one.word == "REFUTED")


def expected(judged: Judged) -> str:
    """Return what an expectation is about, e.g. `naive during, browse latency p95`."""
    return f"{judged.arm} {PHASE_WORDS.get(judged.phase, judged.phase)}, {names.long_label(judged.figure)}"


def both_figures(judged: Judged) -> str:
    """Return an expectation that failed, with what was measured and what was expected."""
    bound = "at least" if judged.bound == "at_least" else "at most"
    limit = names.bound_text(judged.figure, judged.limit)
    return f"{expected(judged)}: {names.figure_text(judged.figure, judged.measured)}, expected {bound} {limit}"


def _opening(run: Run) -> str:
    if not run.scenario.faults:
        return "with nothing broken,"
    if not run.fault_windows:
        return "with no fault in force,"
    if not all(one.holds for one in run.evidence if one.name.startswith("fault_seen")):
        return "in the fault phase,"
    return f"while {fault_clause(run.scenario)},"


def _same_profile(run: Run) -> list[Piece]:
    profiles = {arm.profile for arm in run.arms}
    if len(run.arms) < 2 or len(profiles) > 1 or not run.differences:  # noqa: PLR2004 - a pair
        return []
    around_zero = sum(1 for one in run.differences if one.low <= 0 <= one.high)
    return [
        Piece(
            f" All arms run the same profile; {around_zero} of {len(run.differences)} differences between them have"
            " an interval that holds 0."
        )
    ]


def first_failure(run: Run) -> str:
    """Return what a REFUTED run failed on first, with both figures; empty for other verdicts.

    What the ledger proves to be lost or doubled comes before every expectation.
    """
    if run.verdict.word != "REFUTED":
        return ""
    violated = any(
        kept.orders_lost + kept.orders_doubled + kept.charges_lost + kept.charges_doubled
        for kept in run.ledger.values()
    )
    broken = failed(run)
    if violated or not broken:
        return "".join(run.verdict.reasons[:1])
    more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
    return f"{both_figures(broken[0])}{more}"


def _refuted(run: Run) -> list[Piece]:
    failure = first_failure(run)
    return [Piece(f" Not as expected: {_stop(failure)}")] if failure else []


def _stop(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
