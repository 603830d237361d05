"""The lab's own metrics: what it does to the shop, and when. Names live here once, and the page that carries them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

FAULT_ACTIVE = "lab_fault_active"
PHASE = "lab_phase"
RUN_INFO = "lab_run_info"

PHASES = ("start", "settle", "baseline", "fault", "recovery", "drain")

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


@dataclass(frozen=True, slots=True)
class RunLabels:
    """Which run it is."""

    scenario: str
    seed: int
    engine: str


@dataclass(frozen=True, slots=True)
class FaultLabels:
    """One fault where it strikes: `fault` is its title, `target` the link or the service."""

    arm: str
    fault: str
    target: str


def page(run: RunLabels, phase: str, faults: Mapping[FaultLabels, bool]) -> str:
    """Return Prometheus' text: which run, which phase, and for each fault whether it is in force."""
    lines = [
        *_family(RUN_INFO, "The run that goes on."),
        _sample(RUN_INFO, 1, scenario=run.scenario, seed=str(run.seed), engine=run.engine),
        *_family(PHASE, "1 for the phase of the run."),
        *(_sample(PHASE, one == phase, phase=one) for one in PHASES),
    ]
    if faults:
        lines += _family(FAULT_ACTIVE, "1 while a fault is in force.")
        for labels, active in faults.items():
            lines.append(_sample(FAULT_ACTIVE, active, arm=labels.arm, fault=labels.fault, target=labels.target))
    return "\n".join([*lines, ""])


def _family(name: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} gauge"


def _sample(name: str, value: float, **labels: str) -> str:
    pairs = ",".join(f'{label}="{text.translate(_ESCAPES)}"' for label, text in labels.items())
    return f"{name}{{{pairs}}} {value:g}"
