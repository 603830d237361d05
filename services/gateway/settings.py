"""The environment of the gateway."""

from dataclasses import dataclass
from typing import Self

from services.common.settings import Environment

LINKS = ("gateway_to_inventory", "gateway_to_orders")


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Where orders and inventory are, and under which profile they are called."""

    arm: str
    profile: str
    orders_url: str
    inventory_url: str

    @classmethod
    def read(cls, env: Environment) -> Self:
        """Read the environment; raises BadSettingError."""
        return cls(
            arm=env.text("LAB_ARM"),
            profile=env.profile(*LINKS),
            orders_url=env.url("ORDERS_URL", "http"),
            inventory_url=env.url("INVENTORY_URL", "http"),
        )
