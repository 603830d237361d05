"""Selectors: which series are meant, and what each was worth at every step (one sample) or over a window (several)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from promql_parser import Matcher, MatchOp, VectorSelector

from chaos.errors import QueryError
from chaos.watch.promql.database import Database, Table, whole
from chaos.watch.promql.problems import unsupported
from chaos.watch.promql.vectors import NAME, Floats, Grid, Ints, Labels, Vector

# Of some eight bytes, of which a calculation needs a few at once.
MOST_CELLS = 5_000_000

Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Selector:
    """Which series a query names: a metric, and a test for each label that it speaks of. `text` is the selector's."""

    text: str
    name: str | None
    tests: tuple[tuple[str, Test], ...]

    def fits(self, labels: Labels) -> bool:
        """Tell whether a series is meant; a label that it has not is empty."""
        own = dict(labels)
        return all(test(own.get(label, "")) for label, test in self.tests)


@dataclass(frozen=True, slots=True)
class Window:
    """The samples of some series of a table, and for each step which of them are inside (lo <= column < hi)."""

    labels: tuple[Labels, ...]
    steps: Ints
    times: Ints
    values: Floats
    lo: Ints
    hi: Ints


def selector_of(node: VectorSelector) -> Selector:
    """Read a selector; raises QueryError where it holds `offset`, `@` or a pattern that is none."""
    if node.offset is not None:
        raise unsupported("offset")
    if node.at is not None:
        raise unsupported("@")
    if node.matchers.or_matchers:
        raise unsupported("`or` between matchers", 'a pattern, label=~"a|b"')
    name = node.name
    tests = []
    for matcher in node.matchers.matchers:
        if matcher.name == NAME and matcher.op == MatchOp.Equal:
            name = matcher.value
        else:
            tests.append((matcher.name, _test(matcher)))
    return Selector(str(node), name, tuple(tests))


def _test(matcher: Matcher) -> Test:
    wanted = matcher.value
    if matcher.op == MatchOp.Equal:
        return lambda value: value == wanted
    if matcher.op == MatchOp.NotEqual:
        return lambda value: value != wanted
    try:
        pattern = whole(wanted)
    except re.error as error:
        raise QueryError(f"{matcher.name}=~{wanted!r}: no pattern ({error})") from error
    if matcher.op == MatchOp.Re:
        return lambda value: pattern.fullmatch(value) is not None
    return lambda value: pattern.fullmatch(value) is None


def instant(database: Database, selector: Selector, grid: Grid) -> Vector:
    """Return what the newest scrape of each target said at every step, if it is not older than the lookback."""
    times = grid.times
    found = []
    for table, rows, labels in _chosen(database, selector, grid):
        scraped = table.times
        column = np.searchsorted(scraped, times, side="right") - 1
        fresh = (column >= 0) & (times - scraped[column] < database.lookback_ms)
        values = table.values[rows[:, None], np.maximum(column, 0)[None, :]]
        present = fresh[None, :] & ~np.isnan(values)
        found.append(Vector(labels, values, present))
    return Vector.stacked(found, grid.steps)


def windows(database: Database, selector: Selector, range_ms: int, grid: Grid) -> Iterator[Window]:
    """Yield what lies within `range_ms` before each step, a window's older end excluded; one Window a table."""
    times = grid.times
    for table, rows, labels in _chosen(database, selector, grid):
        # Only the columns that any step can see: a poll for the newest seconds costs as little as they are.
        from_, to = np.searchsorted(table.times, (times[0] - range_ms, times[-1]), side="right")
        scraped = table.times[from_:to]
        if not scraped.size:
            continue
        yield Window(
            labels,
            times,
            scraped,
            table.values[rows, from_:to],
            np.searchsorted(scraped, times - range_ms, side="right"),
            np.searchsorted(scraped, times, side="right"),
        )


def _chosen(database: Database, selector: Selector, grid: Grid) -> Iterator[tuple[Table, Ints, tuple[Labels, ...]]]:
    cells = 0
    for table in database:
        rows, labels = table.chosen(selector.text, selector.name, selector.fits)
        if rows.size and table.times.size:
            cells += rows.size * grid.steps
            if cells > MOST_CELLS:
                raise QueryError(
                    f"{selector.text}: too many series at {grid.steps} instants: narrow it, or a larger step"
                )
            yield table, rows, labels
