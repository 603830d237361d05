"""Metrics made up for a list of queries: every metric that they name, with the labels that they speak of."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import promql_parser as promql

GENERIC = {"arm": ("naive", "protected"), "service": ("gateway", "orders"), "link": ("a_to_b", "b_to_c")}
BOUNDS = (*(round(0.001 * 1.3**n, 6) for n in range(0, 39, 3)), "+Inf")
SERIES_OF_EACH = 9
LEAP = 500


@dataclass
class Wanted:
    """What the queries speak of: metrics, and candidate values for each label."""

    metrics: set[str] = field(default_factory=set)
    values: dict[str, set[str]] = field(default_factory=lambda: {name: set(some) for name, some in GENERIC.items()})

    def visit(self, node: promql.Expr) -> None:
        selector = node.vector_selector if isinstance(node, promql.MatrixSelector) else node
        if isinstance(selector, promql.VectorSelector):
            if selector.name:
                self.metrics.add(selector.name)
            for matcher in selector.matchers.matchers:
                plain = {word for word in matcher.value.split("|") if word.replace("_", "").replace("-", "").isalnum()}
                self.values.setdefault(matcher.name, {"other"}).update(plain)
        elif isinstance(node, promql.AggregateExpr) and node.modifier is not None:
            for label in node.modifier.labels:
                self.values.setdefault(label, {"one", "two"})


def wanted_by(queries: Iterable[str]) -> Wanted:
    """Read queries."""
    wanted = Wanted()
    for query in queries:
        promql.walk(promql.parse(query), wanted.visit)
    wanted.values.pop("le", None)
    wanted.values.pop("__name__", None)
    return wanted


class Shop:
    """A page that changes with every scrape: counters rise and start anew, series come and go, scrapes fail.

    The same seed gives the same pages.
    """

    def __init__(self, wanted: Wanted, seed: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - a seeded test
        self._series = {metric: self._label_sets(wanted) for metric in sorted(wanted.metrics)}
        self._values: dict[str, float] = {}
        self._still = False

    def page(self, number: int) -> str | None:
        """Return what is scraped the `number`th time."""
        if number == 24:
            self._values = {}
        lines: list[str] = []
        for metric, label_sets in self._series.items():
            for index, labels in enumerate(label_sets):
                self._still = number in ({0, 12, 24} if index == 1 else {0, 24})
                if not (index == 1 and number < 12) and not (index == 2 and 16 <= number < 20 and _gauge(metric)):
                    self._move(lines, metric, labels)
        return None if 30 <= number < 33 else "\n".join(lines) + "\n"

    def _move(self, lines: list[str], metric: str, labels: Mapping[str, str]) -> None:
        if metric.endswith("_bucket"):
            grown = 0.0
            busy = self._rng.randrange(len(BOUNDS))
            for index, bound in enumerate(BOUNDS):
                grown += self._rng.randrange(3) if abs(index - busy) < 3 else 0
                self._line(lines, metric, {**labels, "le": str(bound)}, grown)
        elif not _gauge(metric):
            self._line(lines, metric, labels, self._rng.choice([0, 0, 1, 2, 5.25]))
        else:
            self._line(lines, metric, labels, self._rng.choice([-1, 0, 1]))

    def _line(self, lines: list[str], metric: str, labels: Mapping[str, str], by: float) -> None:
        pairs = ",".join(f'{name}="{value}"' for name, value in labels.items())
        series = f"{metric}{{{pairs}}}"
        before = self._values.get(series, 0.0)
        # Where a counter may have begun shortly before its first sample, Prometheus 2 and 3 extrapolate differently: so
        # each begins at 0 and is far from it at once.
        leap = LEAP if before == 0 and not _gauge(metric) else 0
        self._values[series] = before + (0 if self._still else by + leap)
        lines.append(f"{series} {self._values[series]}")

    def _label_sets(self, wanted: Wanted) -> list[dict[str, str]]:
        found: dict[tuple[str, ...], dict[str, str]] = {}
        for _ in range(SERIES_OF_EACH):
            labels = {name: self._rng.choice(sorted(values)) for name, values in sorted(wanted.values.items())}
            found[tuple(labels.values())] = labels
        return list(found.values())


def _gauge(metric: str) -> bool:
    return not metric.endswith(("_bucket", "_total", "_count", "_sum"))
