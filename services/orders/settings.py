"""The environment of orders."""

from dataclasses import dataclass
from typing import Self

from services.common.settings import Environment

LINKS = ("orders_to_inventory", "orders_to_payments", "orders_to_postgres")


@dataclass(frozen=True, slots=True)
class OrdersSettings:
    """Where inventory, payments and the database are, and under which profile they are called."""

    arm: str
    profile: str
    inventory_url: str
    payments_url: str
    database_url: str

    @classmethod
    def read(cls, env: Environment) -> Self:
        """Read the environment; raises BadSettingError."""
        return cls(
            arm=env.text("LAB_ARM"),
            profile=env.profile(*LINKS),
            inventory_url=env.url("INVENTORY_URL", "http"),
            payments_url=env.url("PAYMENTS_URL", "http"),
            database_url=env.url("DATABASE_URL", "postgresql"),
        )
