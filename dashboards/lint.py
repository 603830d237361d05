"""What makes a board readable and safe, as rules over the JSON itself: Grafana Labs' dashboard-linter's, and our own.

Over the JSON and not over our model: a rule then holds for what Grafana reads, whoever wrote it. Where the linter asks
for job and instance we ask for `arm`: that is what a reader picks here.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from dashboards import promql

Json = Any
Rule = Callable[[Json], Iterator[str]]
SCHEMA_VERSION = 42
# The units that the boards use; an id that Grafana does not know is shown as text behind the figure.
UNITS = frozenset({"s", "reqps", "ops", "short", "none"})
# Every function, aggregation and operator of the boards: what a page without Prometheus must be able to calculate.
LANGUAGE = frozenset({"rate", "histogram_quantile", "sum", "max", "min", "+", "*", "/", ">", ">=", "==", "or"})
_COUNTER = re.compile(r"_(?:total|bucket|count|sum)$")
_BUILT_IN = frozenset({"__rate_interval"})


def findings(board: Json) -> list[str]:
    """Return what is wrong with a board, each as `board, place: what`."""
    return [f"{board.get('title')}, {found}" for rule in RULES for found in rule(board)]


def panels(board: Json) -> list[Json]:
    """Return the panels that show something."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions(board: Json) -> Iterator[tuple[str, str]]:
    """Yield (place, expression) of every query, those of the fault bands too."""
    for panel in panels(board):
        for target in panel.get("targets", ()):
            yield f"panel {panel.get('title')!r} {target.get('refId')}", target["expr"]
    for annotation in board["annotations"]["list"]:
        if "target" in annotation:
            yield f"annotation {annotation['name']!r}", annotation["target"]["expr"]


def uneditable(board: Json) -> Iterator[str]:
    """A board is changed in its Python file, not in the browser."""
    if board.get("editable") is not False:
        yield "board: editable is not false"
    if board.get("schemaVersion") != SCHEMA_VERSION:
        yield f"board: schemaVersion is not {SCHEMA_VERSION}"


def data_source(board: Json) -> Iterator[str]:
    """The data source is a variable, and every panel, query and variable uses it."""
    sources = [one for one in board["templating"]["list"] if one["type"] == "datasource"]
    if [(one["name"], one["label"], one["query"]) for one in sources] != [("datasource", "Data source", "prometheus")]:
        yield "board: no variable `datasource` labelled `Data source`"
    users = [(f"panel {one.get('title')!r}", one) for one in panels(board)]
    users += [
        (f"panel {one.get('title')!r} {target['refId']}", target)
        for one in panels(board)
        for target in one.get("targets", ())
    ]
    users += [(f"variable {one['name']}", one) for one in board["templating"]["list"] if one["type"] == "query"]
    for place, user in users:
        if user.get("datasource", {}).get("uid") != "${datasource}":
            yield f"{place}: the data source is not ${{datasource}}"


def choices(board: Json) -> Iterator[str]:
    """A variable takes several values or all, has a label, and is read again when the time range changes."""
    wanted = {"multi": True, "includeAll": True, "allValue": ".+", "refresh": 2}
    for one in board["templating"]["list"]:
        if one["type"] != "query":
            continue
        wrong = [key for key, value in wanted.items() if one.get(key) != value] + (
            ["label"] if not one.get("label") else []
        )
        if not re.fullmatch(rf"label_values\(\w+, {one['name']}\)", one.get("definition", "")):
            wrong.append("definition")
        yield from (f"variable {one['name']}: {key}" for key in wrong)


def declared(board: Json) -> Iterator[str]:
    """A variable that is used is declared, and one that is declared is used."""
    names = {one["name"] for one in board["templating"]["list"]} - {"datasource"}
    used = {name for _, expr in expressions(board) for name in promql.variables(expr)} - _BUILT_IN
    yield from (f"variable {name}: used and not declared" for name in sorted(used - names))
    yield from (f"variable {name}: declared and not used" for name in sorted(names - used))


def words(board: Json) -> Iterator[str]:
    """Every panel has a title of its own, a sentence on how to read it, and what to show where there is nothing."""
    titles = [panel.get("title") for panel in panels(board)]
    for panel in panels(board):
        title = panel.get("title")
        if not title or titles.count(title) > 1:
            yield f"panel {title!r}: no title of its own"
        if not panel.get("description", "").endswith("."):
            yield f"panel {title!r}: no sentence in description"
        if not panel["fieldConfig"]["defaults"].get("noValue"):
            yield f"panel {title!r}: no noValue"


def scales(board: Json) -> Iterator[str]:
    """Every panel has a unit that Grafana knows; a linear axis begins where it is said, a log axis has no 0."""
    for panel in panels(board):
        defaults = panel["fieldConfig"]["defaults"]
        if defaults.get("unit") not in UNITS:
            yield f"panel {panel['title']!r}: unit {defaults.get('unit')!r}"
        scale = defaults["custom"].get("scaleDistribution", {}).get("type")
        if scale == "linear" and "min" not in defaults:
            yield f"panel {panel['title']!r}: a linear axis without min"
        if scale == "log" and "min" in defaults:
            yield f"panel {panel['title']!r}: a log axis with min"
        if panel["options"].get("legend", {}).get("showLegend") is not True:
            yield f"panel {panel['title']!r}: no legend"


def targets(board: Json) -> Iterator[str]:
    """Every panel asks for something; letters differ; a legend names labels that its series have, the arm first."""
    for panel in panels(board):
        letters = [target["refId"] for target in panel.get("targets", ())]
        if not letters or len(set(letters)) < len(letters):
            yield f"panel {panel['title']!r}: no targets, or two of one letter"
        for target in panel.get("targets", ()):
            place = f"panel {panel['title']!r} {target['refId']}"
            shown = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
            try:
                labels = promql.groupings(target["expr"])[0]
            except (ValueError, IndexError):
                continue
            if missing := set(shown) - set(labels):
                yield f"{place}: the legend names {', '.join(sorted(missing))}"
            if "arm" in labels and not target["legendFormat"].startswith("{{arm}}"):
                yield f"{place}: the legend does not begin with the arm"


def language(board: Json) -> Iterator[str]:
    """Every expression can be parsed, and is written in the part of PromQL that the watch page knows."""
    for place, expr in expressions(board):
        try:
            unknown = promql.operations(expr) - LANGUAGE
        except ValueError as error:
            yield f"{place}: cannot be parsed: {error}"
            continue
        if unknown:
            yield f"{place}: {', '.join(sorted(unknown))} is not of the boards' language"


def counters(board: Json) -> Iterator[str]:
    """A counter stands inside a rate, a rate is of a counter, and its window is Grafana's."""
    for place, expr in _parsable(board):
        for one in promql.selectors(expr):
            if _COUNTER.search(one.metric) and one.call != "rate":
                yield f"{place}: {one.metric} outside of a rate"
            if one.call == "rate" and not _COUNTER.search(one.metric):
                yield f"{place}: a rate of {one.metric}, which is no counter"
        if re.search(r"\[(?!\$__rate_interval\])", expr):
            yield f"{place}: a window that is not $__rate_interval"


def filters(board: Json) -> Iterator[str]:
    """What has an arm is filtered by it, so that choosing an arm chooses it everywhere."""
    for place, expr in _parsable(board):
        by_arm = any("arm" in labels for labels in promql.groupings(expr))
        if by_arm and any("arm" not in one.labels for one in promql.selectors(expr)):
            yield f"{place}: not filtered by arm"


def _parsable(board: Json) -> Iterator[tuple[str, str]]:
    for place, expr in expressions(board):
        try:
            promql.parsed(expr)
        except ValueError:
            continue
        yield place, expr


RULES: tuple[Rule, ...] = (
    uneditable, data_source, choices, declared, words, scales, targets, language, counters, filters,
)  # fmt: skip
