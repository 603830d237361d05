"""The bank's environment."""

from dataclasses import dataclass
from typing import Self

from services.common.settings import Environment


@dataclass(frozen=True, slots=True)
class BankSettings:
    """`latency_s`: how long one charge takes. `slots`: how many charges run at once; the others queue."""

    arm: str
    latency_s: float
    slots: int

    @classmethod
    def read(cls, env: Environment) -> Self:
        """Read the environment; raises BadSettingError."""
        return cls(
            arm=env.text("LAB_ARM"),
            latency_s=env.whole("BANK_LATENCY_MS", at_least=0, at_most=60_000) / 1000,
            slots=env.whole("BANK_SLOTS", at_least=1, at_most=10_000),
        )
