"""What became of every customer who came while the fault was in force: answered in time, late, refused, or worse."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from chaos.records import Request
from chaos.report.numbers import grouped, quantity
from chaos.report.series import answered_in_time
from chaos.run import Run
from chaos.scenario import KINDS, Kind

# From what a customer hopes for to what nobody should get; the order of the bar.
FATES = ("in time", "late", "refused", "failed", "gave up", "never sent")


@dataclass(frozen=True, slots=True)
class Share:
    """One piece of a bar: `key` names its CSS class."""

    fate: str
    key: str
    count: int
    percent: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """The fates of one arm's requests of one kind; `total` of them."""

    kind: Kind
    arm: str
    total: int
    shares: tuple[Share, ...]

    @property
    def spoken(self) -> str:
        """Return the bar in words."""
        return ", ".join(f"{share.text} {share.fate}" for share in self.shares)


def bars(requests: Iterable[Request], run: Run, arms: Iterable[str]) -> tuple[Bar, ...]:
    """Return a bar for each kind and arm that had requests due in the fault phase."""
    from_s, to_s = run.scenario.phases.window("fault")
    in_time_s = run.scenario.load.in_time_s
    counts: dict[tuple[str, str], Counter[str]] = {}
    for request in requests:
        if from_s <= request.intended_s < to_s:
            counts.setdefault((request.kind, request.arm), Counter())[fate(request, in_time_s)] += 1
    names = tuple(arms)
    return tuple(_bar(kind, arm, counts[kind, arm]) for kind in KINDS for arm in names if (kind, arm) in counts)


def fate(request: Request, in_time_s: float) -> str:
    """Return what became of one request."""
    if request.outcome == "answered":
        return "in time" if answered_in_time(request, in_time_s) else "late"
    return {"refused": "refused", "failed": "failed", "gave_up": "gave up", "skipped": "never sent"}[request.outcome]


def _bar(kind: Kind, arm: str, counts: Counter[str]) -> Bar:
    total = sum(counts.values())
    shares = tuple(
        Share(
            name,
            name.replace(" ", "-"),
            counts[name],
            100 * counts[name] / total,
            quantity(counts[name] / total, "share"),
        )
        for name in FATES
        if counts[name]
    )
    return Bar(kind, arm, total, shares)


def total_text(bar: Bar) -> str:
    """Return how many requests a bar stands for."""
    return grouped(bar.total, 0)
