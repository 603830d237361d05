"""run.json: everything a run has to say, typed. The report, the terminal and later tools read only this and the series.

All times are seconds relative to `t0`, the first possible arrival; the start of the stack is negative.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from chaos.booked import ArmLedger
from chaos.outage import Outage
from chaos.scenario import Handler, Scenario

Word = Literal["CONFIRMED", "REFUTED", "NOT PROVEN"]
EXIT_CODES: dict[Word, int] = {"CONFIRMED": 0, "REFUTED": 1, "NOT PROVEN": 2}


class Model(BaseModel):
    """Strict about keys, so that a reader of run.json can trust them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Component(Model):
    """What played a role: `name` is the role (postgres), `provider` who played it (the wheel, a path)."""

    name: str
    provider: str
    version: str


class PhaseTime(Model):
    """When a phase really ran."""

    phase: Literal["start", "settle", "baseline", "fault", "recovery", "drain", "ledger"]
    from_s: float
    to_s: float


class FaultWindow(Model):
    """When a fault was in force: from the last arm's injection to the first arm's healing.

    `healed_s` is when the read-back showed it gone from every arm.
    """

    title: str
    links: tuple[str, ...]
    from_s: float
    to_s: float
    healed_s: float


class Figure(Model):
    """One figure of one arm in one phase.

    `value` is None where nothing was there to measure; `n` counts the requests behind it. `censored` means the true
    value is larger: the phase ended before the arm had recovered.
    """

    value: float | None
    n: int
    censored: bool = False


class Difference(Model):
    """The second arm minus the first, with a bootstrap interval of `confidence`.

    `seconds` counts those in which both arms had requests: the pairs that were resampled.
    """

    first: str
    second: str
    phase: str
    figure: str
    value: float
    low: float
    high: float
    confidence: float = 0.95
    seconds: int


class Judged(Model):
    """An expectation beside what was measured. `word` is the verdict on this expectation alone."""

    arm: str
    phase: str
    figure: str
    bound: Literal["at_least", "at_most"]
    limit: float
    measured: Figure | None
    word: Word
    reason: str


class Evidence(Model):
    """A reason to believe the run, or not. `remedy` says what to do where it does not hold."""

    name: str
    holds: bool
    detail: str
    remedy: str = ""


class LoadQuality(Model):
    """How true the generator was. Counts are requests over all arms; `arrivals` is the schedule's length.

    Lag is that of requests sent after the settle phase, which no figure counts.
    """

    arrivals: int
    sent: int
    skipped: int
    lag_p99_ms: float
    lag_max_ms: float


class Resources(Model):
    """What the lab itself took.

    `memory_peak_mib` is the sum over its processes; `memory_kind` says whether what they share was shared out (pss) or
    counted for each (rss).
    """

    ready_s: float
    stop_s: float
    cpu_busy_baseline: float | None
    memory_peak_mib: float | None
    memory_kind: Literal["pss", "rss"] | None


class ArmInfo(Model):
    """An arm as it ran: `settings` maps each link to its policies' settings, ready to print."""

    name: str
    slot: str
    profile: str
    handler: Handler = "async"
    settings: dict[str, dict[str, Any]]


class Verdict(Model):
    """The answer, and each reason that led to it."""

    word: Word
    reasons: tuple[str, ...]
    held: int
    expected: int

    @property
    def exit_code(self) -> int:
        """Return the process exit code of this verdict."""
        return EXIT_CODES[self.word]


class Run(Model):
    """One execution of a scenario."""

    format: Literal[1] = 1
    scenario: Scenario
    seed: int
    started_at: str
    duration_s: float
    engine: str
    components: tuple[Component, ...]
    machine: dict[str, str]
    commit: str
    arms: tuple[ArmInfo, ...]
    timeline: tuple[PhaseTime, ...]
    fault_windows: tuple[FaultWindow, ...]
    outages: tuple[Outage, ...] = ()
    figures: dict[str, dict[str, dict[str, Figure]]]
    differences: tuple[Difference, ...]
    expectations: tuple[Judged, ...]
    evidence: tuple[Evidence, ...]
    ledger: dict[str, ArmLedger]
    load: LoadQuality
    resources: Resources
    verdict: Verdict
    repeat: str
