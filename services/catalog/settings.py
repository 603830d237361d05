"""The environment of catalog."""

from dataclasses import dataclass
from typing import Self

from services.common.settings import Environment

LINKS = ("catalog_to_mysql", "catalog_to_postgres", "catalog_to_redis")


@dataclass(frozen=True, slots=True)
class CatalogSettings:
    """Where products, points and copies are, and under which profile they are used."""

    arm: str
    profile: str
    mysql_url: str
    database_url: str
    redis_url: str

    @classmethod
    def read(cls, env: Environment) -> Self:
        """Read the environment; raises BadSettingError."""
        return cls(
            arm=env.text("LAB_ARM"),
            profile=env.profile(*LINKS),
            mysql_url=env.url("MYSQL_URL", "mysql"),
            database_url=env.url("DATABASE_URL", "postgresql"),
            redis_url=env.url("REDIS_URL", "redis"),
        )
