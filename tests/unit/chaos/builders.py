"""Small true-to-form values: a scenario, the requests of a shop, the probes of a link. No chance unless seeded."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.booked import ArmLedger, EventBooks
from chaos.records import Outcome, Probe, Request
from chaos.run import FaultWindow
from chaos.scenario import Kind, Scenario

PHASES = {"settle_s": 2, "baseline_s": 10, "fault_s": 10, "recovery_s": 10}
SLOW = {"type": "latency", "links": ["orders_to_postgres"], "attributes": {"latency": 800, "jitter": 100}}
WINDOW = FaultWindow(title="latency 800 ms", links=("orders_to_postgres",), from_s=12.05, to_s=21.95, healed_s=22.0)


def scenario(**changes: Any) -> Scenario:
    """Two arms, settle 0-2, baseline 2-12, fault 12-22, recovery 22-32."""
    plain = {
        "name": "slow-db",
        "question": "Does it?",
        "arms": [{"name": "naive", "profile": "naive"}, {"name": "protected", "profile": "protected"}],
        "load": {"checkout_per_s": 40, "browse_per_s": 60},
        "phases": PHASES,
        "faults": [SLOW],
    }
    return Scenario.model_validate({**plain, **changes})


@dataclass(frozen=True)
class Answer:
    latency_ms: float = 20.0
    outcome: Outcome = "answered"
    retry_after_s: float | None = None
    stale: bool = False


SERVED = Answer()
REFUSED = Answer(3.0, "refused", retry_after_s=1.0)
GAVE_UP = Answer(5000.0, "gave_up")
LATE = Answer(1500.0)
FAILED = Answer(10.0, "failed")
SKIPPED = Answer(0.0, "skipped")


def requests(
    answer: Callable[[str, Kind, float], Answer] = lambda *_: SERVED,
    *,
    arms: Sequence[str] = ("naive", "protected"),
    checkout_per_s: float = 40,
    browse_per_s: float = 60,
    seconds: float = 32,
    lag_ms: float = 1.0,
) -> list[Request]:
    """Evenly spaced arrivals, each to every arm, answered as `answer(arm, kind, intended_s)` says."""
    found = []
    rates: tuple[tuple[Kind, float], ...] = (("checkout", checkout_per_s), ("browse", browse_per_s))
    seq = 0
    for kind, rate in rates:
        for number in range(int(rate * seconds)):
            at_s = number / rate
            for arm in arms:
                said = answer(arm, kind, at_s)
                key = f"key-{seq}-{arm}" if kind == "checkout" else ""
                status = {"answered": 201, "refused": 503, "failed": 500, "gave_up": 0, "skipped": 0}[said.outcome]
                order_id = f"order-{seq}-{arm}" if key and said.outcome == "answered" else ""
                found.append(
                    Request(arm, kind, seq, at_s, lag_ms, said.latency_ms, status, said.outcome, key, order_id,
                            said.retry_after_s, said.stale)
                )  # fmt: skip
            seq += 1
    return found


def in_fault(at_s: float) -> bool:
    return 12 <= at_s < 22


def collapse(arm: str, kind: Kind, at_s: float) -> Answer:
    """Naive hangs in the fault and 5 s beyond; protected refuses checkouts in the fault and goes on browsing."""
    if arm == "naive" and 12 <= at_s < 27:
        return GAVE_UP
    if arm == "protected" and kind == "checkout" and in_fault(at_s):
        return REFUSED
    return SERVED


def probes(
    ms: Callable[[float], float | None],
    *,
    arms: Iterable[str] = ("naive", "protected"),
    link: str = "orders_to_postgres",
    error: str = "connect: Connection refused",
) -> list[Probe]:
    """One probe each half second on a link of each arm; `ms(t_s)` is what it took, None where it failed."""
    return [
        Probe(t_s, arm, link, took, "" if took is not None else error)
        for arm in arms
        for t_s, took in ((tick / 2, ms(tick / 2)) for tick in range(64))
    ]


CLEAN_BOOKS = ArmLedger(
    acknowledged=400,
    orders_found=400,
    orders_lost=0,
    orders_doubled=0,
    charges_found=400,
    charges_lost=0,
    charges_doubled=0,
    ambiguous=0,
    unsettled=0,
)
TOLD_BOOKS = CLEAN_BOOKS.model_copy(
    update={
        "events": EventBooks(
            published=400, unpublished=0, repeated=0, unreadable=0, waiting=0, notified=400, missing=0, doubled=0
        )
    }
)
