"""The lines that a terminal shows, as text; both kinds of terminal print these. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaos.report.facts import component_text
from chaos.report.numbers import MINUS, grouped, quantity, short_ms
from chaos.run import Component
from chaos.scenario import Kind, Phases
from chaos.terminal.frames import ArmFrame

NARROWEST = 60
WIDE = 78
RATE, SHARE, P95 = 6, 7, 8
# What an encoding that knows only ASCII gets instead.
_PLAIN = str.maketrans({"━": "=", "╸": ">", "·": "-", MINUS: "-", "≥": ">=", "≤": "<=", "±": "+-", "…": "~"})


def fitting(text: str, encoding: str | None) -> str:
    """Return the text as an encoding can show it; never raises."""
    try:
        text.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")
    return text


def ready_line(ready_s: float, components: Iterable[Component], n_services: int) -> str:
    """Return what was started, and how long it took."""
    parts = [component_text(one) for one in components] + [f"{n_services} services"]
    return f"ready in {quantity(ready_s, 's')}   {' · '.join(parts)}"


def phase_line(name: str, from_s: float, to_s: float) -> str:
    """Return that a phase begins, and until when it goes on or may go on."""
    if name == "drain":
        return f"waiting for the last answers, at most {to_s - from_s:.0f} s"
    if name == "ledger":
        return "reading the ledger"
    return f"{name}  {from_s:.0f} to {to_s:.0f} s"


def bar(phases: Phases, t_s: float, width: int) -> list[tuple[str, str]]:
    """Return the progress of a run as (text, kind) pieces that fill about `width` columns.

    Kinds: `done`, `now` and `ahead` for the names of phases and their bars, `time` for the end.
    """
    named = [(name, *phases.window(name)) for name in ("settle", "baseline", "fault", "recovery")]
    named = [one for one in named if one[2] > one[1]]
    time = f"{t_s:.0f} s of {phases.load_s:.0f}"
    room = max(len(named), width - len(time) - sum(len(name) + 2 for name, _, _ in named) - 1)
    pieces: list[tuple[str, str]] = []
    for name, from_s, to_s in named:
        cells = max(1, round(room * (to_s - from_s) / phases.load_s))
        filled = min(cells, max(0, round(cells * (t_s - from_s) / (to_s - from_s))))
        kind = "done" if t_s >= to_s else "now" if t_s >= from_s else "ahead"
        line = "━" * filled if filled in (0, cells) else "━" * (filled - 1) + "╸"
        pieces += [(f"{name} ", kind), (f"{line:<{cells}} ", kind)]
    return [*pieces, (time, "time")]


@dataclass(frozen=True, slots=True)
class Columns:
    """How wide the columns of the live figures are."""

    name: int
    gap: str
    waiting: str

    @classmethod
    def of(cls, arms: Sequence[ArmFrame], width: int) -> "Columns":
        """Return what fits: every arm's figures in a line, from 60 columns up."""
        longest = max((len(arm.name) for arm in arms), default=0) + 2
        if width >= WIDE:
            # What the other columns leave, with `half-open` or `open 12.3 s` at the end.
            return cls(min(longest, width - 2 - 65), "   ", "waiting for db")
        return cls(min(longest, 10), " ", "queue")


def heading(columns: Columns, looking: Kind = "browse") -> str:
    """Return the head of the live figures; `looking` is the kind of those who only look."""
    c = columns
    browse = SHARE + 1 + P95
    return f"{'':<{c.name}}{'checkout':>{RATE + 1 + P95}}{c.gap}{looking:>{browse}}{c.gap}{c.waiting}{c.gap}breaker"


def figures(arm: ArmFrame, columns: Columns) -> tuple[str, str]:
    """Return an arm's name and its live figures, to stand below the heading."""
    c = columns
    rate, checkout, share, browse, waiting = _texts(arm)
    label = arm.name if len(arm.name) < c.name else f"{arm.name[: c.name - 2]}…"
    breaker = arm.breaker if c.waiting == "waiting for db" else arm.breaker.partition(" ")[0]
    served = f"{rate:>{RATE}} {checkout:>{P95}}{c.gap}{share:>{SHARE}} {browse:>{P95}}"
    return f"{label:<{c.name}}", f"{served}{c.gap}{waiting:>{len(c.waiting)}}{c.gap}{breaker}"


def _texts(arm: ArmFrame) -> tuple[str, str, str, str, str]:
    rate = "-" if arm.checkout_per_s is None else f"{grouped(arm.checkout_per_s, 0)} /s"
    share = "-" if arm.browse_share is None else quantity(arm.browse_share, "share")
    checkout, browse = ("-" if ms is None else short_ms(ms) for ms in (arm.checkout_p95_ms, arm.browse_p95_ms))
    return rate, checkout, share, browse, "-" if arm.waiting is None else grouped(arm.waiting, 0)


def live_line(arm: ArmFrame) -> str:
    """Return an arm's live figures as a sentence, for a log."""
    rate, checkout, share, browse, queued = _texts(arm)
    waiting = "" if arm.waiting is None else f", {queued} waiting for db"
    breaker = "" if arm.breaker == "-" else f", breaker {arm.breaker}"
    return f"{arm.name}: checkout {rate} {checkout}, {arm.looking} {share} {browse}{waiting}{breaker}"
