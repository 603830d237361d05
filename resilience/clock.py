"""Time and chance enter here and nowhere else.

Every policy takes a clock and, where it draws lots, a random.Random. So the object that protects a service is the very
object that a test drives on a fake clock and a simulation drives on a virtual one.
"""

import asyncio
import random
import time
from typing import Protocol


class Clock(Protocol):
    """What a policy may know about time."""

    def now(self) -> float:
        """Return seconds on a clock that never goes back; only differences mean anything."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait `delay_s` seconds; a cancellation ends the wait at once."""
        ...


class SystemClock:
    """The machine's clock, for the composition root of a process."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()  # noqa: TID251 -- the one place that may read the machine's clock

    def wall(self) -> float:
        """Return epoch seconds, to be shown and never to be measured with: this clock may jump."""
        return time.time()  # noqa: TID251 -- the one place that may read the machine's clock

    async def sleep(self, delay_s: float) -> None:
        """Wait `delay_s` seconds on the running event loop."""
        await asyncio.sleep(delay_s)

    def block(self, delay_s: float) -> None:
        """Hold this thread for `delay_s` seconds, and the event loop with it where it is the loop's."""
        time.sleep(delay_s)


def system_rng(seed: int | None = None) -> random.Random:
    """Return a source of chance; without a seed, the machine's entropy seeds it."""
    return random.Random(seed)  # noqa: S311 -- jitter and samples, nothing secret
