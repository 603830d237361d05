"""The environment of payments."""

from dataclasses import dataclass
from typing import Self

from services.common.settings import Environment

LINKS = ("payments_to_bank", "payments_to_postgres")


@dataclass(frozen=True, slots=True)
class PaymentsSettings:
    """Where the bank and the database are, and under which profile they are called."""

    arm: str
    profile: str
    bank_url: str
    database_url: str

    @classmethod
    def read(cls, env: Environment) -> Self:
        """Read the environment; raises BadSettingError."""
        return cls(
            arm=env.text("LAB_ARM"),
            profile=env.profile(*LINKS),
            bank_url=env.url("BANK_URL", "http"),
            database_url=env.url("DATABASE_URL", "postgresql"),
        )
