"""The dashboards, the very JSON that Grafana reads: which queries are in them, with their variables filled in."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.errors import QueryError

# The tabs, in the order in which a reader asks.
ORDER = ("experiment", "service", "dependencies", "events", "catalog", "event-loop", "load")
SCRAPE_S = 1.0
_LABEL_VALUES = re.compile(r"label_values\((.+),\s*(\w+)\)")
_VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)|\[\[(\w+)\]\]")
# What may be chosen: names as the lab gives them, which mean nothing in a pattern or a quoted string.
_PLAIN = re.compile(r"[\w/{} -]{1,80}|\([\w/{} |-]{1,400}\)")
ALL = ".+"

Json = Any
Chosen = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """A query of a panel: `ref` is its letter, `legend` the template of its series' names."""

    ref: str
    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard: `data` is its JSON as it stands."""

    uid: str
    title: str
    data: Json

    def panels(self) -> Iterator[Json]:
        """Yield the panels, those within a folded row too."""
        for panel in self.data.get("panels", ()):
            yield panel
            yield from panel.get("panels", ())

    def targets(self, panel_id: int) -> tuple[Target, ...]:
        """Return the queries of a panel; raises QueryError where the board has no such panel."""
        for panel in self.panels():
            if panel.get("id") == panel_id:
                return tuple(_target(target, number) for number, target in enumerate(panel.get("targets", ())))
        raise QueryError(f"{self.uid}: no panel {panel_id}")

    def annotations(self) -> tuple[str, ...]:
        """Return the queries of the fault windows: a region is where such a query has a figure that is not 0."""
        listed = self.data.get("annotations", {}).get("list", ())
        return tuple(one["expr"] for one in listed if one.get("expr") and one.get("enable", True))

    def offers(self) -> Iterator[tuple[str, str, str]]:
        """Yield name, metric and label of each variable whose values are those of a label."""
        for variable in self.data.get("templating", {}).get("list", ()):
            query = variable.get("query") or variable.get("definition") or ""
            found = _LABEL_VALUES.search(query.get("query", "") if isinstance(query, dict) else query)
            if variable.get("type") == "query" and found:
                yield variable["name"], found[1], found[2]

    def filled(self, text: str, chosen: Chosen, step_s: float) -> str:
        """Put values for variables; what is not chosen is everything. Raises QueryError for a value that is no name."""
        known = {variable.get("name"): variable for variable in self.data.get("templating", {}).get("list", ())}
        # As Grafana calculates them.
        rate_s = max(step_s + SCRAPE_S, 4 * SCRAPE_S)
        intervals = {"__rate_interval": f"{rate_s:g}s", "__interval": f"{max(step_s, SCRAPE_S):g}s"}

        def value(match: re.Match[str]) -> str:
            name = next(group for group in match.groups() if group)
            if name in intervals:
                return intervals[name]
            if name not in known:
                raise QueryError(f"{self.uid}: no variable {name}")
            if name not in chosen:
                return str(known[name].get("allValue") or ALL)
            if not _PLAIN.fullmatch(chosen[name]):
                raise QueryError(f"{name}={chosen[name][:80]!r}: not a value of this variable")
            return chosen[name]

        return _VARIABLE.sub(value, text)


def _target(target: Json, number: int) -> Target:
    return Target(target.get("refId", chr(ord("A") + number)), target.get("expr", ""), target.get("legendFormat", ""))


def read_boards(folder: Path) -> list[Board]:
    """Return the boards of a folder in the order of their tabs; raises QueryError for a file that is none."""
    found = []
    for path in sorted(folder.glob("*.json"), key=lambda path: (_place(path.stem), path.stem)):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            found.append(Board(str(data["uid"]), str(data["title"]), data))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise QueryError(
                f"{path.name}: cannot be read as a dashboard; `make dashboards` writes it again"
            ) from error
    return found


def _place(stem: str) -> int:
    return ORDER.index(stem) if stem in ORDER else len(ORDER)


def expressions(board: Board) -> list[str]:
    """Return every query of a board as it is asked where nothing is chosen."""
    queries = [target["expr"] for panel in board.panels() for target in panel.get("targets", ()) if target.get("expr")]
    return [board.filled(query, {}, 1.0) for query in (*queries, *board.annotations())]
