"""The environment of notifications."""

from dataclasses import dataclass
from typing import Self

from services.common.settings import Environment

LINKS = ("notifications_to_kafka", "notifications_to_postgres")


@dataclass(frozen=True, slots=True)
class NotificationsSettings:
    """Where the broker and the database are, and under which profile they are used."""

    arm: str
    profile: str
    kafka_url: str
    database_url: str

    @classmethod
    def read(cls, env: Environment) -> Self:
        """Read the environment; raises BadSettingError."""
        return cls(
            arm=env.text("LAB_ARM"),
            profile=env.profile(*LINKS),
            kafka_url=env.url("KAFKA_URL", "kafka"),
            database_url=env.url("DATABASE_URL", "postgresql"),
        )
