"""The table that the cases fill, as Markdown, and what our own row must say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from chaos.bench.breakers.cases import FLOOD, IMPATIENT_CALLS, Probed, TimedOut
from chaos.bench.breakers.costs import REFUSALS

BEGINS = "<!-- written by make bench-breakers KEEP=1 -->\n"
ENDS = "<!-- as far as here -->\n"
HEADER = (
    "breaker",
    f"A: reached of {IMPATIENT_CALLS}",
    "a cancelled call counts as",
    "C: state after",
    "D: state after; next probe",
    f"E: reached of {FLOOD}",
    f"M: grown in {REFUSALS:,} refusals",
    "T: us a call",
)
Case = Literal["A", "C", "D", "E", "M", "T"]
CASES: tuple[Case, ...] = get_args(Case)

MEGABYTE = 1_000_000

# What our own breaker may grow in all those refusals, and what it may cost, beside the cheapest peer.
GROWN_AT_MOST = 20_000
TIMES_THE_CHEAPEST = 3.0


@dataclass(frozen=True)
class Row:
    """What came of each case with one breaker; None where it could not be done, and `reasons` says why."""

    name: str
    timed_out: TimedOut | None = None
    after_cancel: str | None = None
    probed: Probed | None = None
    flood: int | None = None
    grown: int | None = None
    cost_us: float | None = None
    reasons: Mapping[Case, str] = field(default_factory=dict)

    @property
    def cancel_counts_as(self) -> str | None:
        """Return what A and C together say; A alone knows failures, C alone a success that wipes failures out."""
        if self.timed_out is None or self.after_cancel is None:
            return None
        if self.timed_out.reached < IMPATIENT_CALLS:
            return "failure"
        return "success" if self.after_cancel == "closed" else "nothing"


def markdown(rows: Sequence[Row], bare_us: float, python: str) -> str:
    """Return the table, the notes on what could not be done, and the line that says what the figures stand on."""
    notes: list[str] = []
    lines = [_line(HEADER), _line(["---"] * len(HEADER))]
    lines += [_line(_cells(row, notes)) for row in rows]
    lines += ["", f"CPython {python}; T is over a bare await, which took {bare_us:.3f} us."]
    lines += [line for number, note in enumerate(notes, start=1) for line in ("", f"[{number}] {note}.")]
    return "\n".join(lines) + "\n"


def kept(page: str, table: str) -> str:
    """Return the page with the table in its place; raises ValueError where the page has none."""
    before, begins, rest = page.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise ValueError("the page does not mark where its table begins and ends")
    return f"{before}{begins}\n{table}\n{ends}{after}"


def keep(page: Path, table: str) -> None:
    """Put the table into the page; raises ValueError and OSError."""
    page.write_text(kept(page.read_text(encoding="utf-8"), table), encoding="utf-8")


def faults(ours: Row, others: Sequence[Row]) -> list[str]:
    """Return what is wrong with our own breaker; nothing is the aim."""
    prices = [row.cost_us for row in others if row.cost_us is not None]
    found = [f"{case}: {reason}" for case, reason in ours.reasons.items()]
    if ours.timed_out is not None and ours.timed_out != TimedOut(IMPATIENT_CALLS, ran_on=0):
        found.append(f"A: {ours.timed_out}")
    if ours.cancel_counts_as not in {None, "nothing"}:
        found.append(f"A, C: a cancelled call counted as {ours.cancel_counts_as}")
    if ours.after_cancel not in {None, "open"}:
        found.append(f"C: it is {ours.after_cancel}, and three failures came without a success between them")
    if ours.probed not in {None, Probed("half-open", "at once")}:
        found.append(f"D: {ours.probed}")
    if ours.flood not in {None, 1}:
        found.append(f"E: {ours.flood} calls reached a dependency that has not recovered")
    if ours.grown is not None and ours.grown > GROWN_AT_MOST:
        found.append(f"M: {ours.grown:,} bytes grown, at most {GROWN_AT_MOST:,}")
    if not prices:
        found.append("T: no other breaker to compare with")
    elif ours.cost_us is not None and ours.cost_us > TIMES_THE_CHEAPEST * min(prices):
        found.append(f"T: {ours.cost_us:.2f} us, the cheapest other {min(prices):.2f} us")
    return found


def _cells(row: Row, notes: list[str]) -> list[str]:
    def cell(text: str | None, *cases: Case) -> str:
        return text if text is not None else _not_done(row, cases, notes)

    return [
        row.name,
        cell(None if row.timed_out is None else _reached(row.timed_out), "A"),
        cell(row.cancel_counts_as, "A", "C"),
        cell(row.after_cancel, "C"),
        cell(None if row.probed is None else f"{row.probed.state}; {row.probed.next_probe}", "D"),
        cell(None if row.flood is None else str(row.flood), "E"),
        cell(None if row.grown is None else _size(row.grown), "M"),
        cell(None if row.cost_us is None else f"{row.cost_us:.2f}", "T"),
    ]


def _not_done(row: Row, cases: Sequence[Case], notes: list[str]) -> str:
    """Return n/a and the number of the note that says why; one reason is one note."""
    reason = next((row.reasons[case] for case in cases if case in row.reasons), "no reason is known")
    note = f"{row.name}: {reason}"
    if note not in notes:
        notes.append(note)
    return f"n/a [{notes.index(note) + 1}]"


def _reached(timed_out: TimedOut) -> str:
    return f"{timed_out.reached}" + (f" ({timed_out.ran_on} ran on)" if timed_out.ran_on else "")


def _size(grown: int) -> str:
    return f"{grown / MEGABYTE:.1f} MB" if grown >= MEGABYTE / 10 else f"{max(grown, 0) / 1e3:.0f} kB"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
