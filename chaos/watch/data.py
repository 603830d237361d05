"""The series of some panels over some time, ready to draw: one request for a whole board instead of one a query."""

import math
from collections.abc import Mapping
from typing import Any

from chaos.errors import QueryError, UsageError
from chaos.watch.answers import for_drawing, regions
from chaos.watch.boards import Board, Target
from chaos.watch.promql.vectors import MS, Grid
from chaos.watch.sources import Answer
from chaos.watch.views import View
from chaos.watch.watch import Watch

MOST_STEPS = 11_000  # Prometheus' own bound
LONGEST_S = 6 * 3600.0
SHORTEST_STEP_S = 0.1
MOST_PANELS = 40
LONGEST_NUMBER = 9
# Some milliseconds since 1970 would be taken for seconds.
LATEST_S = 1e11
MOST_SERIES = 400


def grid_of(params: Mapping[str, str], *, start: str, end: str) -> Grid:
    """Read a grid from a request; raises QueryError naming the parameter that is out of bounds."""
    from_s, to_s, step_s = (_number(params, name) for name in (start, end, "step"))
    if not 0 <= from_s <= to_s <= LATEST_S:
        raise QueryError(f"{start}, {end}: seconds since 1970, the first not after the second")
    if to_s - from_s > LONGEST_S:
        raise QueryError(f"{start}, {end}: at most {LONGEST_S / 3600:g} hours apart")
    if step_s < SHORTEST_STEP_S or (to_s - from_s) / step_s > MOST_STEPS:
        raise QueryError(f"step: at least {SHORTEST_STEP_S:g} s, and at most {MOST_STEPS} of them")
    return Grid(round(from_s * MS), round(to_s * MS), round(step_s * MS))


def _number(params: Mapping[str, str], name: str) -> float:
    text = params.get(name, "")
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise QueryError(f"{name}={text[:40]!r}: a number of seconds")
    return value


async def drawn(watch: Watch, params: Mapping[str, str]) -> dict[str, Any]:
    """Return {panels: {id: {series, errors}}, bands, start, step}. Raises QueryError, UsageError for a bad request."""
    board = _board(watch, params.get("board", ""))
    panels = _panels(params.get("panels", ""))
    grid = grid_of(params, start="from", end="to")
    step_s = grid.step_ms / MS
    chosen = {name.removeprefix("var-"): value for name, value in params.items() if name.startswith("var-")}
    targets = [(panel, target) for panel in panels for target in board.targets(panel)]
    annotations = board.annotations()
    texts = [*(target.expression for _, target in targets), *annotations]
    queries = [board.filled(text, chosen, step_s) for text in texts]
    view = await watch.views.find(params.get("view", ""))
    answers = await view.source.ask(queries, grid) if view.source is not None and queries else []
    found: dict[str, dict[str, Any]] = {str(panel): {"series": [], "errors": []} for panel in panels}
    for (panel, target), answer in zip(targets, answers, strict=False):
        _add(found[str(panel)], target, answer)
    return {
        "start": grid.start_ms / MS,
        "step": step_s,
        "steps": grid.steps,
        "panels": found,
        "bands": _bands(view, answers[len(targets) :], grid),
    }


async def offered(watch: Watch, params: Mapping[str, str]) -> dict[str, list[str]]:
    """Return {variable: values} that a board can be narrowed to, none where the source has just gone.

    Raises QueryError, UsageError for a bad request.
    """
    board, grid = _board(watch, params.get("board", "")), grid_of(params, start="from", end="to")
    offers = list(board.offers())
    view = await watch.views.find(params.get("view", ""))
    queries = [f"count by ({label}) ({metric})" for _, metric, label in offers]
    answers = await view.source.ask(queries, grid) if view.source is not None and queries else []
    found: dict[str, list[str]] = {name: [] for name, _, _ in offers}
    for (name, _, label), answer in zip(offers, answers, strict=False):
        if not isinstance(answer, QueryError):
            found[name] = sorted({value for labels in answer.labels if (value := dict(labels).get(label))})
    return found


def _add(panel: dict[str, Any], target: Target, answer: Answer) -> None:
    if isinstance(answer, QueryError):
        panel["errors"].append(f"{target.ref}: {answer}")
        return
    series = for_drawing(answer, target.legend)
    if len(series) > MOST_SERIES:
        panel["errors"].append(f"{target.ref}: {len(series)} series, of which {MOST_SERIES} are drawn")
    panel["series"] += [{"ref": target.ref, **one} for one in series[:MOST_SERIES]]


def _bands(view: View, answers: list[Answer], grid: Grid) -> list[dict[str, Any]]:
    """Return the fault windows: as the run measured them where it is over, else as the series say."""
    if view.told is not None and view.origin_s is not None:
        return [
            {"title": title, "from": view.origin_s + from_s, "to": view.origin_s + to_s}
            for title, from_s, to_s in view.told.bands
        ]
    return [
        {"title": region["labels"].get("fault", "fault"), **region}
        for answer in answers
        if not isinstance(answer, QueryError)
        for region in regions(answer, grid)
    ]


def _board(watch: Watch, uid: str) -> Board:
    boards = {board.uid: board for board in watch.boards()}
    if uid not in boards:
        raise UsageError(f"board={uid[:40]!r}: one of {', '.join(boards)}")
    return boards[uid]


def _panels(text: str) -> list[int]:
    parts = [part for part in text.split(",") if part]
    if len(parts) > MOST_PANELS or not all(part.isdecimal() and len(part) <= LONGEST_NUMBER for part in parts):
        raise QueryError(f"panels: up to {MOST_PANELS} numbers, comma between")
    return [int(part) for part in parts]
