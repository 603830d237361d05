"""The ledger of a run as rows of text: each book of each arm, and who the orders are that do not agree. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from chaos.booked import ArmLedger, Delay, EventBooks
from chaos.judging.figures import ledger_figures
from chaos.report import figure_words as names
from chaos.report.numbers import grouped, quantity

# What a customer or the shop has lost, or has twice; the other words are doubts, or allowed.
_UNCLEAN = frozenset({"lost", "doubled", "unpublished", "missing"})


@dataclass(frozen=True, slots=True)
class Booked:
    """One book of the ledger of one arm as a row; `clean` where nothing was lost or doubled."""

    book: str
    arm: str
    detail: str
    clean: bool


@dataclass(frozen=True, slots=True)
class Named:
    """Orders of one arm that one figure counts: `count` of them, of which `ids` are the first."""

    what: str
    arm: str
    count: str
    ids: str


def ledger_rows(ledger: Mapping[str, ArmLedger]) -> tuple[Booked, ...]:
    """Return a row for each book of each arm: orders and charges, and where events are part of the run those two."""
    rows = []
    for arm, kept in ledger.items():
        orders = {
            "acknowledged": kept.acknowledged, "found": kept.orders_found, "lost": kept.orders_lost,
            "doubled": kept.orders_doubled, "ambiguous": kept.ambiguous,
        }  # fmt: skip
        charges = {
            "found": kept.charges_found, "lost": kept.charges_lost, "doubled": kept.charges_doubled,
            "unsettled": kept.unsettled,
        }  # fmt: skip
        books = {"orders": orders, "charges": charges, **(_told(kept.events) if kept.events else {})}
        said = {"notifications": _in_words(kept.events.delay)} if kept.events else {}
        rows += [_booked(book, arm, counts, said.get(book, "")) for book, counts in books.items()]
    return tuple(rows)


def named_rows(ledger: Mapping[str, ArmLedger]) -> tuple[Named, ...]:
    """Return who the orders are that do not agree, as far as the ledger names them."""
    return tuple(
        Named(names.long_label(figure), arm, grouped(counts[figure].value or 0, 0), ", ".join(ids))
        for arm, kept in ledger.items()
        for counts in [ledger_figures(kept)]
        for figure, ids in kept.named.items()
    )


def _told(events: EventBooks) -> dict[str, dict[str, int]]:
    return {
        "events": {
            "published": events.published, "unpublished": events.unpublished, "repeated": events.repeated,
            "waiting in the outbox": events.waiting, "unreadable": events.unreadable,
        },
        "notifications": {"notified": events.notified, "missing": events.missing, "doubled": events.doubled},
    }  # fmt: skip


def _booked(book: str, arm: str, counts: Mapping[str, int], said: str) -> Booked:
    detail = ", ".join(f"{grouped(count, 0)} {what}" for what, count in counts.items())
    clean = not any(count for what, count in counts.items() if what in _UNCLEAN)
    return Booked(book, arm, f"{detail}{said}", clean=clean)


def _in_words(delay: Delay | None) -> str:
    if delay is None:
        return ""
    p50, longest = quantity(delay.p50_ms, "ms"), quantity(delay.max_ms, "ms")
    return f"; half of them within {p50} of the order, the last after {longest}"
