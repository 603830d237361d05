"""The environment of orders."""

from dataclasses import dataclass
from typing import Literal, Self

from services.common.settings import Environment

Switch = Literal["on", "off"]
LINKS = ("orders_to_inventory", "orders_to_kafka", "orders_to_payments", "orders_to_postgres")


@dataclass(frozen=True, slots=True)
class OrdersSettings:
    """Where inventory, payments and the database are, and under which profile they are called.

    `kafka_url`: where events are published, None for nowhere: then they stay in the outbox.
    """

    arm: str
    profile: str
    inventory_url: str
    payments_url: str
    database_url: str
    kafka_url: str | None = None

    @classmethod
    def read(cls, env: Environment) -> Self:
        """Read the environment; raises BadSettingError."""
        switches: tuple[Switch, ...] = ("on", "off")
        events = env.one_of("ORDERS_EVENTS", switches, default="off")
        return cls(
            arm=env.text("LAB_ARM"),
            profile=env.profile(*LINKS),
            inventory_url=env.url("INVENTORY_URL", "http"),
            payments_url=env.url("PAYMENTS_URL", "http"),
            database_url=env.url("DATABASE_URL", "postgresql"),
            kafka_url=env.url("KAFKA_URL", "kafka") if events == "on" else None,
        )
