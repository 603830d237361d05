"""The environment of inventory."""

from dataclasses import dataclass
from typing import Self

from services.common.settings import Environment

LINKS = ("inventory_to_postgres", "inventory_to_redis")


@dataclass(frozen=True, slots=True)
class InventorySettings:
    """Where the database and the cache are, and under which profile they are called."""

    arm: str
    profile: str
    database_url: str
    redis_url: str

    @classmethod
    def read(cls, env: Environment) -> Self:
        """Read the environment; raises BadSettingError."""
        return cls(
            arm=env.text("LAB_ARM"),
            profile=env.profile(*LINKS),
            database_url=env.url("DATABASE_URL", "postgresql"),
            redis_url=env.url("REDIS_URL", "redis"),
        )
