"""What a board is made of, as plain values; `dashboards.grafana` turns them into the JSON that Grafana reads."""

from dataclasses import dataclass, field
from typing import Literal

Dash = Literal["solid", "dash", "dot", "mixed", "sparse", "long", "twice"]


@dataclass(frozen=True, slots=True)
class Query:
    """One expression; `legend` names its series, the arm first: colours hang on it."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold that says something: from `value` on it is bad, or just worth a line where `bad` is false."""

    value: float
    bad: bool = True


@dataclass(frozen=True, slots=True)
class State:
    """What a number of a state timeline means."""

    value: int
    text: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel. `text` says in a sentence how to read it; `nothing` is shown where there is no data."""

    title: str
    text: str
    queries: tuple[Query, ...]
    unit: str
    width: int = 12
    height: int = 8
    nothing: str = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph(Panel):
    """Lines over time. `log` and `least` are of the y axis.

    `dashes` are styles by the last word of a legend, `plain` the first words of legends that name no arm.
    """

    dashes: tuple[tuple[str, Dash], ...] = ()
    plain: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    log: bool = False
    least: float | None = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline(Panel):
    """States over time, a strip for each series."""

    states: tuple[State, ...]
    unit: str = "none"


@dataclass(frozen=True, slots=True)
class Row:
    """A heading; what follows it belongs to it."""

    title: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable: the values of a label, any number of them at once. `first` is chosen at the start, all where None."""

    name: str
    label: str
    metric: str
    first: str | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard. `question` is what it answers; `parts` stand in the order in which they are read."""

    uid: str
    title: str
    question: str
    parts: tuple[Row | Panel, ...]
    choices: tuple[Choice, ...] = field(default_factory=tuple)

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Return the panels without the headings."""
        return tuple(part for part in self.parts if isinstance(part, Panel))
