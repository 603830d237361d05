"""What happened to one arm, clause by clause, in the words of its figures; pure.

Whether an arm slowed, refused, kept its pace or came back is decided here by the numbers, never by the arm's name.
"""

from dataclasses import dataclass

from chaos.report import figure_words as names
from chaos.report.numbers import bare, grouped, quantity, seconds
from chaos.run import Figure, Run

# Below these, two figures are called the same: noise of a quiet run is smaller.
SHARE_FELL = 0.02
SLOWED_RATIO = 1.5
SLOWED_MS = 20.0
WORTH_SAYING = 0.05
AT_ONCE_S = 0.05
# From here on how late the last was told is no more the usual way of an event.
LATE_MS = 1000.0
# What those do who only look, and what each of them asks for.
_LOOKING = {
    "browse": ("browsing", "browses"), "list": ("listing", "lists"), "product": ("reading products", "product reads"),
    "search": ("searching", "searches"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text; `arm` colours it, `strong` makes it bold."""

    text: str
    arm: str | None = None
    strong: bool = False


Clause = tuple[Piece, ...]


def sentence(clauses: list[Clause]) -> list[Piece]:
    """Join clauses as a sentence does, without its stop."""
    pieces: list[Piece] = []
    for index, clause in enumerate(clauses):
        if index:
            last = index == len(clauses) - 1
            pieces.append(Piece((", and " if len(clauses) > 2 else " and ") if last else ", "))  # noqa: PLR2004 - a list
        pieces += clause
    return pieces


def slowed(before_ms: float, during_ms: float) -> bool:
    """Say whether a latency rose by more than a quiet run's noise."""
    return during_ms >= before_ms * SLOWED_RATIO and during_ms - before_ms >= SLOWED_MS


def figure_of(run: Run, arm: str, phase: str, figure: str) -> Figure | None:
    """Return a figure of an arm in a phase, None where the run has none."""
    return run.figures.get(arm, {}).get(phase, {}).get(figure)


def value_of(run: Run, arm: str, phase: str, figure: str) -> float | None:
    """Return the value of a figure, None where nothing was measured."""
    found = figure_of(run, arm, phase, figure)
    return found.value if found is not None else None


def _strong(text: str, arm: str) -> Piece:
    return Piece(text, arm, strong=True)


def suffered(run: Run, arm: str) -> bool:
    """Say whether an arm served its customers worse during the fault than before it."""
    looking = run.scenario.load.looking
    return (
        _fell(run, arm, names.CHECKOUT_IN_TIME)
        or _fell(run, arm, f"{looking}.in_time_share")
        or _slowed(run, arm, f"{looking}.p95_ms")
    )


def clauses(run: Run, arm: str) -> list[Clause]:
    """Return what happened to an arm during the fault, and when it was back."""
    found = [*_checkout(run, arm), *_looked(run, arm), *_told(run, arm)]
    if run.scenario.faults and run.fault_windows:
        found += _recovery(run, arm)
    return found or [(Piece("left no figures to compare"),)]


def _fell(run: Run, arm: str, share: str) -> bool:
    before, during = (value_of(run, arm, phase, share) for phase in ("baseline", "fault"))
    return before is not None and during is not None and during < before - SHARE_FELL


def _slowed(run: Run, arm: str, latency: str) -> bool:
    before, during = (value_of(run, arm, phase, latency) for phase in ("baseline", "fault"))
    return before is not None and during is not None and slowed(before, during)


def _checkout(run: Run, arm: str) -> list[Clause]:
    before, share = (value_of(run, arm, phase, names.CHECKOUT_IN_TIME) for phase in ("baseline", "fault"))
    if share is None:
        return []
    fell = _fell(run, arm, names.CHECKOUT_IN_TIME)
    was = f" ({quantity(before, 'share')} before)" if fell and before is not None else ""
    found: list[Clause] = [
        (Piece("answered "), _strong(quantity(share, "share"), arm), Piece(f" of checkouts in time{was}"))
    ]
    refused = value_of(run, arm, "fault", names.CHECKOUT_REFUSED)
    if refused is not None and refused >= WORTH_SAYING:
        found.append(_refused(run, arm, refused))
    elif fell:
        found += _waited(run, arm)
    return found


def _refused(run: Run, arm: str, share: float) -> Clause:
    took = value_of(run, arm, "fault", names.CHECKOUT_REFUSED_P95)
    within = (Piece(" within "), _strong(quantity(took, "ms"), arm), Piece(" (p95)")) if took is not None else ()
    return Piece("refused "), _strong(quantity(share, "share"), arm), Piece(" of them"), *within


def _waited(run: Run, arm: str) -> list[Clause]:
    gave_up, p95 = (value_of(run, arm, "fault", figure) for figure in (names.CHECKOUT_GAVE_UP, names.CHECKOUT_P95))
    if gave_up is not None and gave_up >= WORTH_SAYING:
        patience = seconds(run.scenario.load.patience_s)
        return [
            (
                Piece("let "),
                _strong(quantity(gave_up, "share"), arm),
                Piece(f" of them wait until the customer gave up after {patience}"),
            )
        ]
    return [(Piece("let them wait "), _strong(quantity(p95, "ms"), arm), Piece(" (p95)"))] if p95 is not None else []


def _looked(run: Run, arm: str) -> list[Clause]:
    """Tell of those who only look: of the first kind, where there are several."""
    kind = run.scenario.load.looking
    doing, asked = _LOOKING[kind]
    was, share = (value_of(run, arm, phase, f"{kind}.in_time_share") for phase in ("baseline", "fault"))
    before, p95 = (value_of(run, arm, phase, f"{kind}.p95_ms") for phase in ("baseline", "fault"))
    if p95 is None:
        return []
    ended = [value_of(run, arm, "fault", f"{kind}.{how}_share") or 0.0 for how in ("refused", "failed")]
    if share is not None and _fell(run, arm, f"{kind}.in_time_share") and sum(ended) >= WORTH_SAYING:
        # How soon is no news of what was not answered.
        text = f" of {asked} in time" + (f" ({quantity(was, 'share')} before)" if was is not None else "")
        return [(Piece("answered "), _strong(quantity(share, "share"), arm), Piece(text))]
    at: Clause = (_strong(quantity(p95, "ms"), arm), Piece(" (p95)"))
    in_time: Clause = ()
    if share is not None:
        in_time = (Piece(" with "), _strong(quantity(share, "share"), arm), Piece(" in time"))
    if before is not None and slowed(before, p95):
        return [(Piece(f"slowed {doing} from {bare(before, 'ms')} to "), *at, *in_time)]
    kept = "served" if before is None or _fell(run, arm, f"{kind}.in_time_share") else "kept"
    return [(Piece(f"{kept} {doing} at "), *at, *in_time)]


def _told(run: Run, arm: str) -> list[Clause]:
    """Tell of the customers who were notified of their orders; nothing where events are no part of the run."""
    kept = run.ledger.get(arm)
    if kept is None or kept.events is None or not kept.acknowledged:
        return []
    books, found = kept.events, list[Clause]()
    if books.missing:
        never = _strong(grouped(books.missing, 0), arm)
        found.append((Piece("never notified "), never, Piece(f" of {grouped(kept.acknowledged, 0)} customers")))
    if books.doubled:
        found.append((Piece("notified "), _strong(grouped(books.doubled, 0), arm), Piece(" customers twice")))
    if books.delay is not None and books.delay.max_ms >= LATE_MS:
        last = _strong(quantity(books.delay.max_ms / 1000, "s"), arm)
        found.append((Piece("notified the last customer "), last, Piece(" after the order")))
    return found or [(Piece("notified every customer once"),)]


def _recovery(run: Run, arm: str) -> list[Clause]:
    figure = figure_of(run, arm, "recovery", names.RECOVERY)
    if figure is None or figure.value is None:
        return []
    value = _strong(quantity(figure.value, "s"), arm)
    if figure.censored:
        return [(Piece("had not recovered "), value, Piece(" after the fault"))]
    if figure.value < AT_ONCE_S:
        return [(Piece("was back at once"),)] if suffered(run, arm) else []
    return [(Piece("was back "), value, Piece(" after the fault"))]
