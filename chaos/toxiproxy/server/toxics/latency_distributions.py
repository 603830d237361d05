"""Latency drawn from a distribution: four toxics of our own, beside `latency` and its even jitter.

Every attribute is a whole number of milliseconds, so a tail is given by what one would measure: its 99th percentile.
"""

import math
import random
from abc import abstractmethod
from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import ClassVar

from chaos.toxiproxy.server.errors import bad_body
from chaos.toxiproxy.server.toxics.attributes import Attributes, refuse_unless_within
from chaos.toxiproxy.server.toxics.latency import MS, LatencyStage

# A day. Heavy tails have no end of their own, and an hour of latency is as good as a year.
LONGEST_MS = 86_400_000
Z99 = NormalDist().inv_cdf(0.99)


@dataclass(frozen=True)
class DrawnAttributes(Attributes):
    """A distribution of delays."""

    ORDERED: ClassVar[tuple[str, str] | None] = None  # The first must not be above the second.

    @abstractmethod
    def draw_ms(self, rng: random.Random) -> float:
        """Return one delay."""

    def check(self) -> None:
        """Refuse what is no distribution of delays. Raises ApiError."""
        for one in fields(self):
            refuse_unless_within(one.name, getattr(self, one.name), 0, LONGEST_MS)
        if self.ORDERED is not None:
            low, high = self.ORDERED
            if getattr(self, low) > getattr(self, high):
                raise bad_body(f"attribute {high} must be at least {low} ({getattr(self, low)})")


@dataclass(frozen=True)
class UniformAttributes(DrawnAttributes):
    """Evenly from `minimum` to `maximum`."""

    ORDERED = ("minimum", "maximum")

    minimum: int = 0
    maximum: int = 0

    def draw_ms(self, rng: random.Random) -> float:
        """Return one delay."""
        return rng.uniform(self.minimum, self.maximum)


@dataclass(frozen=True)
class NormalAttributes(DrawnAttributes):
    """Normal round `mean`, with a standard `deviation`; what falls below 0 counts as 0."""

    mean: int = 0
    deviation: int = 0

    def draw_ms(self, rng: random.Random) -> float:
        """Return one delay."""
        return max(rng.gauss(self.mean, self.deviation), 0.0)


@dataclass(frozen=True)
class LognormalAttributes(DrawnAttributes):
    """Log-normal with this `median` and 99th percentile: what service times often look like."""

    ORDERED = ("median", "p99")

    median: int = 0
    p99: int = 0

    def draw_ms(self, rng: random.Random) -> float:
        """Return one delay."""
        if self.median == 0:
            return 0.0
        sigma = math.log(self.p99 / self.median) / Z99
        return float(self.median) * math.exp(rng.gauss(0.0, sigma))


@dataclass(frozen=True)
class ParetoAttributes(DrawnAttributes):
    """Pareto from `minimum` on, with this 99th percentile: few delays, but very long ones."""

    ORDERED = ("minimum", "p99")

    minimum: int = 0
    p99: int = 0

    def draw_ms(self, rng: random.Random) -> float:
        """Return one delay."""
        if self.minimum in (0, self.p99):
            return float(self.minimum)
        # P(X > p99) = (minimum / p99) ^ alpha = 0.01, so 1 / alpha = ln(p99 / minimum) / ln 100.
        exponent = math.log(self.p99 / self.minimum) / math.log(100)
        return float(self.minimum * math.pow(1.0 - rng.random(), -exponent))


class DrawnLatencyStage(LatencyStage):
    """Latency whose delay is drawn for each chunk. Order is kept: a long delay holds those behind it."""

    def _delay_s(self) -> float:
        given = self.toxic.attributes
        assert isinstance(given, DrawnAttributes)  # noqa: S101 - the table of types pairs them
        return min(given.draw_ms(self.bench.rng), LONGEST_MS) * MS
