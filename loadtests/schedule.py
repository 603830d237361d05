"""The arrivals of a run: a pure function of its seed, so that every arm and every repetition meets the same customers.

Nothing here imports Locust, which patches sockets and threads when it is imported.
"""

import heapq
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["checkout", "browse"]

SKUS = tuple(f"sku-{number:04d}" for number in range(1, 201))


@dataclass(frozen=True, slots=True)
class Arrival:
    """A customer comes `intended_s` after the start. `key` is empty where nothing is bought."""

    seq: int
    intended_s: float
    kind: Kind
    sku: str
    key: str


def schedule(seed: int, checkout_per_s: float, browse_per_s: float, duration_s: float) -> tuple[Arrival, ...]:
    """Return the arrivals of [0, duration_s): two independent Poisson processes, merged and numbered in order of time.

    Each kind draws from a generator of its own, so changing the rate of one leaves the instants of the other as they
    were. Nothing depends on the number of arms.
    """
    if checkout_per_s < 0 or browse_per_s < 0 or duration_s < 0:
        raise ValueError(f"negative load: {checkout_per_s=} {browse_per_s=} {duration_s=}")
    merged = heapq.merge(
        _poisson(seed, "checkout", checkout_per_s, duration_s),
        _poisson(seed, "browse", browse_per_s, duration_s),
    )
    return tuple(
        Arrival(seq, intended_s, kind, sku, f"{seed}-{seq}" if kind == "checkout" else "")
        for seq, (intended_s, kind, sku) in enumerate(merged)
    )


def sending_orders(seed: int, arms: Sequence[str], arrivals: int) -> Iterator[tuple[str, ...]]:
    """Yield, for each arrival, the order in which the arms get it: any fixed order would favour the first."""
    rng = random.Random(f"{seed}/order")  # noqa: S311  not for secrets
    for _ in range(arrivals):
        yield tuple(rng.sample(arms, k=len(arms)))


def key_for(arrival: Arrival, arm: str) -> str:
    """Return the idempotency key with which this arrival checks out at this arm, or an empty string."""
    return arrival.key and f"{arrival.key}-{arm}"


def _poisson(seed: int, kind: Kind, per_s: float, duration_s: float) -> Iterator[tuple[float, Kind, str]]:
    """Yield (instant, kind, sku) of one process: the gaps of a Poisson process are exponential."""
    if per_s == 0:
        return
    rng = random.Random(f"{seed}/{kind}")  # noqa: S311  not for secrets
    at_s = rng.expovariate(per_s)
    while at_s < duration_s:
        yield at_s, kind, rng.choice(SKUS)
        at_s += rng.expovariate(per_s)
