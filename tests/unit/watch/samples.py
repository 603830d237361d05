"""Databases for tests, written as the samples themselves."""

from collections.abc import Mapping, Sequence

from chaos.watch.promql import Database, Evaluator, Grid
from chaos.watch.promql.rules import Rule

Samples = Mapping[str, Sequence[float | None]]


def recorded(
    series: Samples, *, period_ms: int = 1_000, start_ms: int = 1_000, rules: Mapping[str, Rule] | None = None
) -> Evaluator:
    """Return series that were scraped together from `start_ms` on; None where a scrape has not the series."""
    database = Database()
    table = database.table(("shop",), {})
    for number in range(max(map(len, series.values()))):
        scrape = {name: value for name, values in series.items() if (value := values[number]) is not None}
        table.add(start_ms + number * period_ms, scrape)
    return Evaluator(database, rules or {})


def at(evaluator: Evaluator, query: str, at_ms: int) -> dict[str, float]:
    """Return a query's value at one instant, by `label=value` pairs; what is not there is not in it."""
    found = evaluator.range(query, Grid(at_ms, at_ms, 1_000))
    return {
        ",".join("=".join(pair) for pair in labels): float(values[0])
        for labels, values, present in zip(found.labels, found.values, found.present, strict=True)
        if present[0]
    }
