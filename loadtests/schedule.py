"""The arrivals of a run: a pure function of its seed, so that every arm and every repetition meets the same customers.

Nothing here imports Locust, which patches sockets and threads when it is imported.
"""

import heapq
import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["checkout", "browse", "list", "product", "search"]

# How long after the first a double click comes, drawn evenly: in a shop that is well, a checkout takes 0.1 s, so some
# repeats meet the first under way and most find it settled; in a slow one, most meet it under way.
REPEAT_AFTER_S = (0.05, 1.0)

SKUS = tuple(f"sku-{number:04d}" for number in range(1, 201))


@dataclass(frozen=True, slots=True)
class Arrival:
    """A customer comes `intended_s` after the start, or sends a checkout again, with the `key` of the first time.

    `key` is empty where nothing is bought.
    """

    seq: int
    intended_s: float
    kind: Kind
    sku: str
    key: str


def schedule(
    seed: int,
    checkout_per_s: float,
    browse_per_s: float,
    repeat_share: float,
    duration_s: float,
    *,
    list_per_s: float = 0.0,
    product_per_s: float = 0.0,
    search_per_s: float = 0.0,
    run: str = "",
) -> tuple[Arrival, ...]:
    """Return the arrivals of [0, duration_s): independent Poisson processes, merged and numbered in order of time.

    A share of the checkouts, 0 to 1, is sent again REPEAT_AFTER_S later, on top of the rate. Each kind, and the choice
    of repeats, draws from a generator of its own, so changing one leaves the instants of the others as they were.
    Nothing depends on the number of arms. `run` goes into the keys and nowhere else: to a shop that has seen this seed
    before, its customers are new. Raises ValueError.
    """
    looks: dict[Kind, float] = {
        "browse": browse_per_s, "list": list_per_s, "product": product_per_s, "search": search_per_s,
    }  # fmt: skip
    if min(checkout_per_s, *looks.values(), duration_s) < 0 or not 0 <= repeat_share <= 1:
        raise ValueError(f"no such load: {checkout_per_s=} {looks=} {repeat_share=} {duration_s=}")
    checkouts = list(_poisson(seed, "checkout", checkout_per_s, duration_s))
    repeats = sorted(repeat for repeat in _repeats(seed, checkouts, repeat_share) if repeat.at_s < duration_s)
    merged = heapq.merge(
        checkouts, repeats, *(_poisson(seed, kind, per_s, duration_s) for kind, per_s in looks.items())
    )
    firsts: dict[int, int] = {}
    prefix = f"{run}-" if run else ""
    arrivals = []
    for seq, due in enumerate(merged):
        # A repeat comes after its first, so the first has its number already.
        key = f"{prefix}{seed}-{firsts.setdefault(due.number, seq)}" if due.kind == "checkout" else ""
        arrivals.append(Arrival(seq, due.at_s, due.kind, due.sku, key))
    return tuple(arrivals)


def sending_orders(seed: int, arms: Sequence[str], arrivals: int) -> Iterator[tuple[str, ...]]:
    """Yield, for each arrival, the order in which the arms get it: any fixed order would favour the first."""
    rng = random.Random(f"{seed}/order")  # noqa: S311  not for secrets
    for _ in range(arrivals):
        yield tuple(rng.sample(arms, k=len(arms)))


def key_for(arrival: Arrival, arm: str) -> str:
    """Return the idempotency key with which this arrival checks out at this arm, or an empty string."""
    return arrival.key and f"{arrival.key}-{arm}"


class _Due(NamedTuple):
    """Somebody is due at `at_s`; `number` counts the customers of a kind."""

    at_s: float
    kind: Kind
    number: int
    sku: str


def _repeats(seed: int, checkouts: Iterable[_Due], share: float) -> Iterator[_Due]:
    """Yield the checkouts that are sent again, at their second instant."""
    rng = random.Random(f"{seed}/repeat")  # noqa: S311  not for secrets
    for first in checkouts:
        # Both are drawn for each, so that a larger share only adds repeats.
        chosen, after_s = rng.random() < share, rng.uniform(*REPEAT_AFTER_S)
        if chosen:
            yield first._replace(at_s=first.at_s + after_s)


def _poisson(seed: int, kind: Kind, per_s: float, duration_s: float) -> Iterator[_Due]:
    """Yield one process: the gaps of a Poisson process are exponential."""
    if per_s == 0:
        return
    rng = random.Random(f"{seed}/{kind}")  # noqa: S311  not for secrets
    at_s = rng.expovariate(per_s)
    for number in itertools.count():
        if at_s >= duration_s:
            return
        yield _Due(at_s, kind, number, rng.choice(SKUS))
        at_s += rng.expovariate(per_s)
