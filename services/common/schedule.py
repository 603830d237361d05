"""When a job is due, and what becomes of the runs that nobody made: decisions without effects."""

import random
from dataclasses import dataclass
from typing import Literal

from resilience.bounds import require, require_whole

# skip: one run for all that were missed, then the usual rhythm. catch_up: each of them, one after the other.
Missed = Literal["skip", "catch_up"]


@dataclass(frozen=True, slots=True)
class JobSettings:
    """One job: its name, its period, and what bounds it; times in seconds.

    `jitter_s`: a run begins up to so much after it is due, by lot, so that the arms do not all begin at once.
    `within_s`: a run that takes longer is ended, and has failed. `kept_runs`: how many lines of its history stay.
    Raises SettingsError.
    """

    name: str
    every_s: float
    jitter_s: float
    missed: Missed
    within_s: float = 30.0
    kept_runs: int = 1_000

    def __post_init__(self) -> None:
        require(self, "every_s", above=0)
        require(self, "jitter_s", at_least=0, at_most=self.every_s)
        require(self, "within_s", above=0)
        require_whole(self, "kept_runs", at_least=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """The next run of a job, in seconds of the database's clock: when it is due, and when it may begin."""

    due_s: float
    planned_s: float


def plan(settings: JobSettings, *, last_due_s: float | None, now_s: float, rng: random.Random) -> tuple[Turn, int]:
    """Return the next run and how many before it are left out, from when the last one was due; None: there was none.

    A first run is due at once. The rhythm is that of the due times, so that neither jitter nor a slow run shifts it.
    """
    jitter_s = rng.random() * settings.jitter_s
    if last_due_s is None:
        return Turn(now_s, now_s + jitter_s), 0
    due_s, left_out = last_due_s + settings.every_s, 0
    if settings.missed == "skip" and due_s < now_s:
        left_out = int((now_s - due_s) // settings.every_s)
        due_s += left_out * settings.every_s
    return Turn(due_s, due_s + jitter_s), left_out
