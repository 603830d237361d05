"""What one run left to judge: between the runner, which acts, and `chaos.judging.conclude`, which decides."""

from dataclasses import dataclass, field
from typing import Literal

from chaos.booked import ArmLedger
from chaos.outage import Outage
from chaos.records import Probe
from chaos.run import Component, FaultWindow, PhaseTime
from chaos.topic_writing import Receipt


@dataclass(frozen=True, slots=True)
class Lack:
    """What a scenario asks for and this run's components could not do or show, and what would."""

    detail: str
    remedy: str


@dataclass
class Observed:
    """What a run left in memory; requests and metrics are in the folder's files. Times are seconds after t0."""

    engine: str = "local"
    components: tuple[Component, ...] = ()
    timeline: list[PhaseTime] = field(default_factory=list)
    fault_windows: list[FaultWindow] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    receipts: dict[str, Receipt] = field(default_factory=dict)  # By arm, of messages that a fault wrote.
    probes: list[Probe] = field(default_factory=list)
    ledger: dict[str, ArmLedger] = field(default_factory=dict)
    arrivals: int = 0
    ledger_problem: str = ""
    lacking: tuple[Lack, ...] = ()
    dirty_start: str = ""
    dirty_end: str = ""
    left_running: tuple[str, ...] = ()
    ready_s: float = 0.0
    stop_s: float = 0.0
    duration_s: float = 0.0
    cpu_busy_baseline: float | None = None
    memory_peak_mib: float | None = None
    memory_kind: Literal["pss", "rss"] | None = None
