"""What a figure of a run is called, in which unit it is written and where it stands in a table.

Units and meanings are the registry's (`chaos.judging.figure_names`); only the short words of the tables live here. A
figure that an older or newer lab wrote and the registry does not know is still shown, by its bare name.
"""

from dataclasses import dataclass

from chaos.judging.figure_names import DIFFERENCE_SUFFIX, FIGURES, Unit
from chaos.report.numbers import change, interval, quantity
from chaos.run import Difference, Figure
from chaos.scenario import KINDS

CHECKOUT_IN_TIME = "checkout.in_time_share"
CHECKOUT_P95 = "checkout.p95_ms"
CHECKOUT_GAVE_UP = "checkout.gave_up_share"
CHECKOUT_REFUSED = "checkout.refused_share"
CHECKOUT_REFUSED_P95 = "checkout.refused_p95_ms"
BROWSE_IN_TIME = "browse.in_time_share"
BROWSE_P95 = "browse.p95_ms"
LIST_IN_TIME = "list.in_time_share"
LIST_P95 = "list.p95_ms"
RECOVERY = "recovery_s"

BOOKS = ("orders", "charges", "events", "notifications")
GROUPS = (*KINDS, "arm", *BOOKS)
_OF_CATALOG = (
    "product.in_time_share",
    "product.stale_share",
    "product.p95_ms",
    "search.in_time_share",
    "search.p95_ms",
)
PRIMARY = (
    CHECKOUT_IN_TIME, CHECKOUT_REFUSED, "checkout.failed_share", CHECKOUT_GAVE_UP, CHECKOUT_P95,
    CHECKOUT_REFUSED_P95, BROWSE_IN_TIME, "browse.refused_share", "browse.failed_share", "browse.gave_up_share",
    "browse.stale_share", BROWSE_P95, LIST_IN_TIME, LIST_P95, *_OF_CATALOG, RECOVERY,
)  # fmt: skip
_LABELS = {
    "offered_per_s": "offered", "goodput_per_s": "answered in time, per second", "in_time_share": "answered in time",
    "goodput_ratio": "in time, of the arm's baseline", "answered_share": "answered at all",
    "stale_share": "answered from a stale copy", "refused_share": "refused (429, 503)", "failed_share": "failed",
    "gave_up_share": "customer gave up", "p50_ms": "latency p50", "p95_ms": "latency p95", "p99_ms": "latency p99",
    "max_ms": "longest latency",
    "p95_ratio": "latency p95, of the arm's baseline", "refused_p95_ms": "refusal latency p95",
    "refused_with_retry_after_share": "refusals with Retry-After", "recovery_s": "time to recover",
}  # fmt: skip
_ORDER = tuple(_LABELS)


@dataclass(frozen=True, slots=True)
class Words:
    """How a figure is shown: `group` is the kind of request it counts, `arm`, or a book of the ledger."""

    label: str
    unit: Unit
    group: str
    sentence: str


def words(figure: str) -> Words:
    """Return how a figure, or the difference of one, is shown."""
    name = figure.removesuffix(DIFFERENCE_SUFFIX)
    head, _, tail = name.rpartition(".")
    known = FIGURES.get(name)
    label = _LABELS.get(tail, tail.replace("_", " "))
    suffix = ", difference" if name != figure else ""
    unit: Unit = known.unit if known is not None else "ratio"
    return Words(f"{label}{suffix}", unit, head or "arm", known.sentence if known is not None else "")


def long_label(figure: str) -> str:
    """Return a figure's name where no group stands above it, e.g. `browse latency p95`."""
    shown = words(figure)
    return shown.label if shown.group == "arm" else f"{shown.group} {shown.label}"


def figure_text(name: str, figure: Figure | None) -> str:
    """Write a figure with its unit; a dash where nothing was measured, `>` where the true value is larger."""
    if figure is None or figure.value is None:
        return "-"
    return f"{'> ' if figure.censored else ''}{quantity(figure.value, words(name).unit)}"


def limit_text(name: str, bound: str, limit: float) -> str:
    """Write the bound of an expectation, e.g. `≥ 1,000 ms`."""
    return f"{'≥' if bound == 'at_least' else '≤'} {bound_text(name, limit)}"


def bound_text(name: str, limit: float) -> str:
    """Write a limit as it was asked for: 50 %, not 50.0 %."""
    return quantity(limit, words(name).unit).replace(".0 ", " ")


def difference_text(difference: Difference) -> str:
    """Write a difference with its interval."""
    unit = words(difference.figure).unit
    return f"{change(difference.value, unit)} {interval(difference.low, difference.high, unit)}"


def order(figure: str) -> tuple[int, int, str]:
    """Sort figures as a reader asks: by group, then as the words above stand, unknown ones last."""
    group, tail = words(figure).group, figure.rpartition(".")[2]
    return (
        GROUPS.index(group) if group in GROUPS else len(GROUPS),
        _ORDER.index(tail) if tail in _ORDER else len(_ORDER),
        figure,
    )
