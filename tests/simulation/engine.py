"""Virtual time for simulations: an hour of a service passes in seconds, and the same seed gives the same hour again.

Callbacks on a heap, no coroutine and no object per idle client: a Poisson stream of arrivals is one callback that sets
itself up again. Policies are asked with `now` and `rng`, so the very objects that protect a service run in here.
"""

import heapq
import math
from collections.abc import Callable
from random import Random
from typing import Any

Action = Callable[..., None]


class Simulation:
    """A clock, a source of chance, and what is still to happen, in order of time; at one instant, first set first."""

    __slots__ = ("_count", "_pending", "now", "rng")

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.rng = Random(seed)  # noqa: S311 -- a seed makes a run repeatable
        self._pending: list[tuple[float, int, Action, tuple[Any, ...]]] = []
        self._count = 0

    def at(self, instant: float, action: Action, *arguments: Any) -> None:
        """Have `action(*arguments)` happen at `instant`; the past is refused with ValueError."""
        if instant < self.now:
            raise ValueError(f"{instant} has passed, it is {self.now}")
        self._count += 1
        heapq.heappush(self._pending, (instant, self._count, action, arguments))

    def after(self, delay_s: float, action: Action, *arguments: Any) -> None:
        """Have `action(*arguments)` happen `delay_s` from now."""
        self.at(self.now + delay_s, action, *arguments)

    def arrivals(self, rate_per_s: float, action: Action, *arguments: Any) -> None:
        """Have `action(*arguments)` happen at the instants of a Poisson process, for ever; nobody waits for anybody."""

        def arrive() -> None:
            self.after(self.rng.expovariate(rate_per_s), arrive)
            action(*arguments)

        self.after(self.rng.expovariate(rate_per_s), arrive)

    def run(self, until: float = math.inf) -> int:
        """Let happen what is due up to `until`; return how many events that were."""
        pending, before = self._pending, self._count - len(self._pending)
        while pending and pending[0][0] <= until:
            self.now, _, action, arguments = heapq.heappop(pending)
            action(*arguments)
        if until < math.inf:
            self.now = until
        return self._count - len(pending) - before
