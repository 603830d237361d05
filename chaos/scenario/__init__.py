"""A scenario: the value (`model`), its file (`file`), and what is checked on the way (`rules`, `problems`)."""

from chaos.scenario.model import (
    ARM_PATTERN,
    JUDGED_PHASES,
    KINDS,
    MAX_ARMS,
    Arm,
    Down,
    Expectation,
    Fault,
    Kind,
    Load,
    Phase,
    Phases,
    Scenario,
    Toxic,
    ToxicType,
)  # fmt: skip

__all__ = [
    "ARM_PATTERN", "JUDGED_PHASES", "KINDS", "MAX_ARMS", "Arm", "Down", "Expectation", "Fault", "Kind", "Load", "Phase",
    "Phases", "Scenario", "Toxic", "ToxicType",
]  # fmt: skip
