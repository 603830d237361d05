"""The table of a comparison as text, and the one sentence that says why; pure. Numbers decide, never an arm's name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chaos.compare.rows import ArmRow
from chaos.judging.figure_names import Unit
from chaos.report.arm_words import Clause, Piece, sentence, slowed
from chaos.report.numbers import bare, grouped, quantity

# A loop that is late by this much is noticed by everybody who asks its process.
LATE_MS = 100.0
BEFORE_AND_DURING = "before → during"


@dataclass(frozen=True, slots=True)
class Line:
    """A figure, one cell an arm. `strong` where it is the point; `short` where a short table has it too."""

    label: str
    cells: tuple[str, ...]
    strong: bool = False
    short: bool = True


def table(rows: Sequence[ArmRow]) -> tuple[Line, ...]:
    """Return the figures of a run, arm beside arm."""

    def line(label: str, cell: Callable[[ArmRow], str], *, strong: bool = False, short: bool = True) -> Line:
        return Line(label, tuple(cell(row) for row in rows), strong, short)

    return (
        line("checkouts asked for", lambda row: _text(row.asked_per_s, "per_s")),
        line("checkouts answered in time", lambda row: _text(row.goodput_per_s, "per_s"), strong=True),
        line("reservations answered by inventory", lambda row: _text(row.handled_per_s, "per_s")),
        line("at most, by the arithmetic", lambda row: row.bound.sum if row.bound else "-"),
        line("what is used up first", lambda row: row.bound.limit if row.bound else "-", short=False),
        line(f"checkout latency p95, {BEFORE_AND_DURING}", lambda row: _pair(row.hurt_ms), short=False),
        line(f"listing latency p95, {BEFORE_AND_DURING}", lambda row: _pair(row.innocent_ms), strong=True),
        line(f"worst event loop lag, {BEFORE_AND_DURING}", lambda row: _pair(row.lag_ms), strong=True),
        line("threads used, at most", _threads),
        line("waiting for a thread, at most", lambda row: _text(row.tokens_waiting, "count"), short=False),
        line("recorder's looks answered", lambda row: f"{row.looks_answered} of {row.looks}", short=False),
    )


def why(rows: Sequence[ArmRow]) -> list[Piece]:
    """Return the sentence that explains the table."""
    late = [row for row in rows if (row.lag_ms[1] or 0.0) >= LATE_MS]
    free = [row for row in rows if row.lag_ms[1] is not None and row not in late]
    pieces: list[Piece] = []
    for row in late:
        pieces += [*(_then(pieces)), *sentence(_late(row))]
    if free:
        pieces += [*(_then(pieces)), *_free(free)]
    return [*pieces, Piece(".")] if pieces else [Piece("No event loop was recorded, so nothing says why.")]


def _then(pieces: Sequence[Piece]) -> list[Piece]:
    return [Piece("; ")] if pieces else []


def _late(row: ArmRow) -> list[Clause]:
    found: list[Clause] = [
        (_arm(row), Piece(" held its event loop for up to "), _strong(row, _text(row.lag_ms[1], "ms")))
    ]
    if row.handled_per_s is not None and row.asked_per_s is not None:
        limit = f" (at most {row.bound.sum})" if row.bound is not None and row.bound.per_s is not None else ""
        answered = _strong(row, grouped(row.handled_per_s, 1))
        asked = f" of {grouped(row.asked_per_s, 1)} reservations a second{limit}"
        found.append((Piece("inventory answered "), answered, Piece(asked)))
    before, during = row.innocent_ms
    if before is not None and during is not None:
        took = f"{bare(before, 'ms')} to {quantity(during, 'ms')}"
        text = "listing, which needs only a free loop, went from " if slowed(before, during) else "listing went from "
        found.append((Piece(text), _strong(row, took), Piece(" (p95)")))
    return found


def _free(rows: Sequence[ArmRow]) -> list[Piece]:
    """Say what the arms did whose loops stayed free."""
    pieces: list[Piece] = []
    for index, row in enumerate(rows):
        pieces += [*([Piece(" and ")] if index else []), _arm(row)]
    most = max(row.lag_ms[1] or 0.0 for row in rows)
    pieces.append(
        Piece(f" never held {'their loops' if len(rows) > 1 else 'its loop'} longer than {_text(most, 'ms')}")
    )
    for row in rows:
        if row.tokens_used:
            pieces.append(Piece(f" ({row.arm} waited in {_threads(row)} threads instead)"))
    listed = [row.innocent_ms[1] for row in rows if row.innocent_ms[1] is not None]
    if listed:
        pieces.append(Piece(f", so listing took {quantity(max(listed), 'ms')} at most (p95)"))
    return pieces


def _threads(row: ArmRow) -> str:
    if row.tokens_used is None or row.tokens is None:
        return "-"
    return f"{grouped(row.tokens_used, 0)} of {grouped(row.tokens, 0)}"


def _pair(values: tuple[float | None, float | None]) -> str:
    before, during = values
    return f"{bare(before, 'ms')} → {_text(during, 'ms')}"


def _text(value: float | None, unit: Unit) -> str:
    return "-" if value is None else quantity(value, unit)


def _arm(row: ArmRow) -> Piece:
    return Piece(row.arm, row.arm, strong=True)


def _strong(row: ArmRow, text: str) -> Piece:
    return Piece(text, row.arm, strong=True)
