"""The registry of figures: every name that an expectation may use, with its unit and one plain sentence.

A name is `<kind>.<figure>`, or `recovery_s` for both kinds, or a figure of the ledger. Scenario files are checked
against it, the report explains figures with it, and a test holds that `chaos.judging.figures` computes exactly these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from chaos.scenario import JUDGED_PHASES, KINDS, Kind, Phase
from chaos.scenario.parts import Part

Unit = Literal["share", "ms", "s", "per_s", "count", "ratio"]
Source = Literal["load", "ledger"]

# How many requests a figure must stand on. 30: a share is then known to +-18 points at worst, enough for bounds that
# ask for a collapse or for its absence. A quantile q needs n with q^n <= 0.05, or the largest value may well lie
# below it: 0.95^59 = 0.048, 0.99^299 = 0.0495.
NEEDS_SHARE = 30
NEEDS_P95 = 59
NEEDS_P99 = 299

_AFTER_BASELINE: tuple[Phase, ...] = ("fault", "recovery")
_RECOVERY: tuple[Phase, ...] = ("recovery",)


@dataclass(frozen=True)
class FigureName:
    """What a figure means. `needs` is the fewest requests that make it evidence; `phases` is where it exists.

    `part` is what a scenario must need for it, None where it is always there.
    """

    name: str
    unit: Unit
    sentence: str
    needs: int = NEEDS_SHARE
    phases: tuple[Phase, ...] = JUDGED_PHASES
    source: Source = "load"
    conditional: bool = False
    part: Part | None = None

    @property
    def kind(self) -> Kind | None:
        """Return the kind of request that it counts, or None where it counts both or neither."""
        return next((kind for kind in KINDS if self.name.startswith(f"{kind}.")), None)


_OF_A_KIND = (
    FigureName("offered_per_s", "per_s", "Arrivals a second by the schedule, sent or not."),
    FigureName("in_time_share", "share", "Share of all arrivals answered within in_time_s of the intended instant."),
    FigureName("answered_share", "share", "Share of all arrivals answered (2xx) before the customer's patience ended."),
    FigureName("goodput_per_s", "per_s", "Arrivals a second that were answered in time."),
    FigureName(
        "goodput_ratio", "ratio", "in_time_share over the same arm's in_time_share of the baseline.",
        phases=_AFTER_BASELINE,
    ),
    FigureName(
        "p50_ms", "ms", "Half of the requests took at most this long from the intended instant; giving up counts as"
        " the patience.",
    ),
    FigureName(
        "p95_ms", "ms", "95 of 100 requests took at most this long from the intended instant; giving up counts as"
        " the patience.", NEEDS_P95,
    ),
    FigureName(
        "p99_ms", "ms", "99 of 100 requests took at most this long from the intended instant; giving up counts as"
        " the patience.", NEEDS_P99,
    ),
    FigureName(
        "p95_ratio", "ratio", "p95_ms over the same arm's p95_ms of the baseline.", NEEDS_P95, _AFTER_BASELINE,
    ),
    FigureName("refused_share", "share", "Share of all arrivals that got 429 or 503: the shop said no."),
    FigureName(
        "refused_p95_ms", "ms", "95 of 100 refusals came at most this long after the intended instant.", NEEDS_P95,
        conditional=True,
    ),
    FigureName(
        "refused_with_retry_after_share", "share", "Share of the refusals that said when to come back (Retry-After).",
        conditional=True,
    ),
    FigureName("failed_share", "share", "Share of all arrivals that got another error or a broken connection."),
    FigureName("gave_up_share", "share", "Share of all arrivals whose customer's patience ended first."),
    FigureName(
        "recovery_s", "s", "Seconds after the end of the fault until arrivals are answered in time at 90 % of the"
        " baseline's share, and go on so for 3 s.", phases=_RECOVERY,
    ),
)  # fmt: skip

_LEDGER = (
    FigureName("orders.lost", "count", "Acknowledged orders that the database does not hold as confirmed."),
    FigureName("orders.doubled", "count", "Idempotency keys for which more than one order is there or was told."),
    FigureName("orders.ambiguous", "count", "Confirmed orders of customers who were not told so."),
    FigureName("charges.lost", "count", "Acknowledged orders for which payments or the bank has no charge."),
    FigureName("charges.doubled", "count", "Orders charged more than once, in payments or at the bank."),
    FigureName("charges.unsettled", "count", "Orders that are not confirmed although the bank took the money."),
)

_TOLD = "from the order's row in the outbox to the customer's first notification, in the whole run"
_OF_EVENTS = (
    FigureName("events.unpublished", "count", "Acknowledged orders of which the topic holds no event."),
    FigureName("events.repeated", "count", "Orders of which the topic holds an event more than once."),
    FigureName("notifications.missing", "count", "Acknowledged orders of which the customer has no notification."),
    FigureName("notifications.doubled", "count", "Orders of which the customer has more than one notification."),
    FigureName("notifications.p50_ms", "ms", f"Half of them took at most this long {_TOLD}."),
    FigureName("notifications.p99_ms", "ms", f"99 % of them took at most this long {_TOLD}.", needs=NEEDS_P99),
    FigureName("notifications.max_ms", "ms", f"The longest that any of them took {_TOLD}."),
)


# What may be answered from a copy that is no longer fresh.
FROM_COPIES: tuple[Kind, ...] = ("browse", "product")


def _registry() -> dict[str, FigureName]:
    names = [replace(figure, name=f"{kind}.{figure.name}") for kind in KINDS for figure in _OF_A_KIND]
    stale = "Share of all arrivals answered from a copy that may be out of date."
    names += [FigureName(f"{kind}.stale_share", "share", stale) for kind in FROM_COPIES]
    names.append(
        FigureName("recovery_s", "s", "The later recovery_s of the two kinds: the whole arm is back.", phases=_RECOVERY)
    )
    names.extend(replace(figure, phases=_RECOVERY, source="ledger") for figure in _LEDGER)
    names.extend(replace(figure, phases=_RECOVERY, source="ledger", part="events") for figure in _OF_EVENTS)
    return {figure.name: figure for figure in names}


FIGURES: Mapping[str, FigureName] = _registry()
# Loss and doubling are facts whatever else a run can prove; the other figures of the ledger are customers' doubts, and
# those of events what a scenario may expect of an arm: publishing outside the transaction loses some, by design.
VIOLATIONS = ("orders.lost", "orders.doubled", "charges.lost", "charges.doubled")
# A difference between two arms, judged where the arms must not differ. No file asks for one by name.
DIFFERENCE_SUFFIX = "_difference"


def unit_of(figure: str) -> Unit:
    """Return the unit of a figure or of the difference of a figure; raises KeyError for an unknown name."""
    return FIGURES[figure.removesuffix(DIFFERENCE_SUFFIX)].unit
