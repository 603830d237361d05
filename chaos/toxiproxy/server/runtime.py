"""What the whole server shares: the loop, the clock, chance. Made once, in the composition root."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Runtime:
    """`now` is monotonic seconds; `rng` rolls toxicity and jitter, in the order of events."""

    loop: asyncio.AbstractEventLoop
    now: Callable[[], float]
    rng: random.Random
