"""Open arrivals whose rate follows a shape: drawn one by one, for nobody knows how long a test of Locust's will be."""

import random
from collections.abc import Iterator

from loadtests.curves import CURVES
from loadtests.schedule import SKUS, Arrival


def open_arrivals(
    seed: str, rate_per_s: float, shape: str, duration_s: float, buying: float, *, key: str
) -> Iterator[Arrival]:
    """Yield the arrivals of a Poisson process whose rate is `rate_per_s` times the shape, in [0, duration_s).

    By thinning: arrivals are drawn at the peak and kept with the shape's probability. So the same seed has the same
    customers, and a shape has a part of the steady ones. `key` makes the idempotency keys of one test its own: with
    those of an earlier test the shop would only repeat its answers.
    """
    rng = random.Random(f"{seed}/open")  # noqa: S311  not for secrets
    part_at = CURVES[shape]
    at_s, seq = rng.expovariate(rate_per_s), 0
    while at_s < duration_s:
        # All three are drawn for each, kept or not.
        kept, kind, sku = rng.random(), rng.random(), rng.choice(SKUS)
        if kept < part_at(at_s / duration_s):
            buys = kind < buying
            yield Arrival(seq, at_s, "checkout" if buys else "browse", sku, f"{key}-{seq}" if buys else "")
            seq += 1
        at_s += rng.expovariate(rate_per_s)
