"""What the whole server shares: the loop, the clock, chance, counters. Made once, in the composition root."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from chaos.toxiproxy.server.meter import Meter


@dataclass(frozen=True)
class Runtime:
    """`now` is monotonic seconds; `rng` rolls toxicity and jitter, in the order of events.

    `strict`: behave as the original also where that hurts (differences.py).
    """

    loop: asyncio.AbstractEventLoop
    now: Callable[[], float]
    rng: random.Random
    strict: bool = False
    meter: Meter = field(default_factory=Meter)
