"""A scenario: the value (`model`), its file (`file`), and what is checked on the way (`rules`, `problems`)."""

from chaos.scenario.faults import Down, Fault, Kill, LinkFault, Messages, Pause, ProcessFault, SlowCall, Toxic
from chaos.scenario.model import (
    ARM_PATTERN,
    JUDGED_PHASES,
    KINDS,
    MAX_ARMS,
    Arm,
    Expectation,
    Handler,
    Kind,
    Load,
    Phase,
    Phases,
    Scenario,
)  # fmt: skip
from chaos.scenario.toxics import ToxicType

__all__ = [
    "ARM_PATTERN", "JUDGED_PHASES", "KINDS", "MAX_ARMS", "Arm", "Down", "Expectation", "Fault", "Handler", "Kill",
    "Kind", "LinkFault", "Load", "Messages", "Pause", "Phase", "Phases", "ProcessFault", "Scenario", "SlowCall",
    "Toxic", "ToxicType",
]  # fmt: skip
