"""The tables of a report as rows of text: before/during/after, expectations. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chaos.judging.figure_names import DIFFERENCE_SUFFIX
from chaos.report import figure_words as names
from chaos.report.numbers import seconds
from chaos.run import Difference, Judged, Run
from chaos.scenario import JUDGED_PHASES, KINDS, Phase

PHASE_WORDS: Mapping[Phase, str] = {"baseline": "before", "fault": "during", "recovery": "after"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure of one arm in one phase; `during` cells carry the arm's colour."""

    text: str
    arm: str
    phase: Phase


@dataclass(frozen=True, slots=True)
class Row:
    """A figure: its cells phase by phase, arm beside arm, and a difference for each pair of arms."""

    label: str
    sentence: str
    cells: tuple[Cell, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhaseTable:
    """Figures before, during and after; `pairs` are the pairs of arms whose difference is shown."""

    phases: tuple[tuple[Phase, str], ...]
    arms: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    groups: tuple[tuple[str, tuple[Row, ...]], ...]
    confidence: str

    @property
    def width(self) -> int:
        """Return how many columns the table has."""
        return 1 + len(self.phases) * len(self.arms) + len(self.pairs)


def phase_table(run: Run, arms: Sequence[str], wanted: Iterable[str] | None = None) -> PhaseTable:
    """Return the figures of `wanted`, or all of them; a figure that nobody has is left out.

    Of `wanted`, shares that are zero for all arms in all phases are left out too: a line of zeros says nothing.
    """
    measured = {name for phases in run.figures.values() for figures in phases.values() for name in figures}
    chosen = sorted(measured if wanted is None else [name for name in wanted if _tells(run, name)], key=names.order)
    pairs = tuple(dict.fromkeys((one.first, one.second) for one in run.differences if one.phase == "fault"))
    groups: dict[str, list[Row]] = {}
    for name in chosen:
        groups.setdefault(names.words(name).group, []).append(_row(run, arms, pairs, name))
    confidence = run.differences[0].confidence if run.differences else 0.95
    return PhaseTable(
        phases=tuple((phase, _phase_title(run, phase)) for phase in JUDGED_PHASES),
        arms=tuple(arms),
        pairs=pairs,
        groups=tuple((_group_title(run, group), tuple(rows)) for group, rows in groups.items()),
        confidence=f"{confidence * 100:.0f} %",
    )


def _tells(run: Run, name: str) -> bool:
    values = [
        figures[name].value
        for phases in run.figures.values()
        for figures in phases.values()
        if name in figures and figures[name].value is not None
    ]
    return any(values) if names.words(name).unit == "share" and name not in _ALWAYS else bool(values)


_ALWAYS = (names.CHECKOUT_IN_TIME, names.BROWSE_IN_TIME)


def _row(run: Run, arms: Sequence[str], pairs: Iterable[tuple[str, str]], name: str) -> Row:
    cells = []
    for phase in JUDGED_PHASES:
        for arm in arms:
            figure = run.figures.get(arm, {}).get(phase, {}).get(name)
            cells.append(Cell("" if figure is None else names.figure_text(name, figure), arm, phase))
    by_pair = {(one.first, one.second): one for one in run.differences if one.figure == name and one.phase == "fault"}
    shown = names.words(name)
    return Row(shown.label, shown.sentence, tuple(cells), tuple(_difference(by_pair.get(pair)) for pair in pairs))


def _difference(difference: Difference | None) -> str:
    return "" if difference is None else names.difference_text(difference)


def _phase_title(run: Run, phase: Phase) -> str:
    from_s, to_s = run.scenario.phases.window(phase)
    return f"{PHASE_WORDS[phase]} ({seconds(to_s - from_s)})"


def _group_title(run: Run, group: str) -> str:
    load = run.scenario.load
    offered = {kind: getattr(load, f"{kind}_per_s") for kind in KINDS}
    titles = {"arm": "the whole arm"} | {book: f"ledger: {book}" for book in names.BOOKS}
    return f"{group}, {offered[group]:g} /s offered" if group in offered else titles.get(group, group)


@dataclass(frozen=True, slots=True)
class Expected:
    """An expectation as a row; `word` is holds, does not hold, or not proven, `key` its CSS class."""

    arm: str
    about: str
    bound: str
    measured: str
    word: str
    key: str
    reason: str


def expectation_rows(run: Run) -> tuple[Expected, ...]:
    """Return the expectations in the order of the scenario file."""
    shown = {"CONFIRMED": ("holds", "ok"), "REFUTED": ("does not hold", "no"), "NOT PROVEN": ("not proven", "unknown")}
    rows = []
    for one in run.expectations:
        word, key = shown[one.word]
        phase = {"baseline": "before", "fault": "during", "recovery": "after"}.get(one.phase, one.phase)
        rows.append(
            Expected(
                one.arm, f"{phase}, {names.long_label(one.figure)}", names.limit_text(one.figure, one.bound, one.limit),
                names.figure_text(one.figure, one.measured), word, key, one.reason if _tells_more(one, run) else "",
            )
        )  # fmt: skip
    return tuple(rows)


def _tells_more(one: Judged, run: Run) -> bool:
    """Say whether the reason holds more than the row itself: why a figure proves nothing, or an interval.

    Where evidence is missing all expectations are in doubt for that one reason, and the report begins with it.
    """
    if one.word == "NOT PROVEN":
        return all(piece.holds for piece in run.evidence)
    return one.word == "REFUTED" and one.figure.endswith(DIFFERENCE_SUFFIX)
