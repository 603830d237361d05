"""When the relay looks into the outbox, how much it takes, and how long it leaves a broker alone that is away."""

import random
from dataclasses import dataclass
from typing import Literal

Done = Literal["published", "follows", "failed"]


@dataclass(frozen=True, slots=True)
class PaceSettings:
    """All in seconds but for `batch`.

    `gather_s`: between a commit and the look for it, so that those of the same moment are one batch: at 50 orders/s
    one look finds two or three, at 200 ten. `poll_s`: between looks when nobody commits; finds what another process or
    an earlier life of this one has left. `follow_s`: between the tries of a process that is not the leader to become
    it. The first wait for a broker that is away is at most `first_s`, each next twice as long, up to `longest_s`: that
    is also how long a broker is back before it is noticed.
    """

    batch: int = 100
    gather_s: float = 0.05
    poll_s: float = 0.25
    follow_s: float = 1.0
    first_s: float = 0.1
    longest_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Wait:
    """How long to wait before the next look; `wakes`: a commit ends the wait early."""

    seconds: float
    wakes: bool


class Pace:
    """Decides, without effects, what comes after a look into the outbox."""

    def __init__(self, settings: PaceSettings, rng: random.Random) -> None:
        self.settings = settings
        self._rng = rng
        self._failures = 0

    def after(self, done: Done, rows: int) -> Wait:
        """Return the wait after a look that found `rows`, all of them published or none.

        Half of a wait for the broker is certain, the rest by lot: two relays that lost it together do not come back
        together. A commit must not end such a wait: each order would be an attempt.
        """
        if done == "failed":
            most_s = min(self.settings.longest_s, self.settings.first_s * 2**self._failures)
            # Once the longest is reached nothing is counted on: 2 ** 2000 is no float.
            self._failures += most_s < self.settings.longest_s
            return Wait(most_s * (0.5 + self._rng.random() / 2), wakes=False)
        self._failures = 0
        if done == "follows":
            return Wait(self.settings.follow_s, wakes=False)
        if rows >= self.settings.batch:
            return Wait(0.0, wakes=False)
        return Wait(self.settings.poll_s, wakes=True)
