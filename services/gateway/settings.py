"""The environment of the gateway."""

from dataclasses import dataclass
from typing import Self

from services.common.settings import Environment

LINKS = ("gateway_to_catalog", "gateway_to_inventory", "gateway_to_notifications", "gateway_to_orders")


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Where the services behind are, and under which profile they are called.

    Without notifications and catalog the gateway starts and is ready: then customers are told nothing, see no
    products, and buy all the same.
    """

    arm: str
    profile: str
    orders_url: str
    inventory_url: str
    notifications_url: str
    catalog_url: str

    @classmethod
    def read(cls, env: Environment) -> Self:
        """Read the environment; raises BadSettingError."""
        return cls(
            arm=env.text("LAB_ARM"),
            profile=env.profile(*LINKS),
            orders_url=env.url("ORDERS_URL", "http"),
            inventory_url=env.url("INVENTORY_URL", "http"),
            notifications_url=env.url("NOTIFICATIONS_URL", "http"),
            catalog_url=env.url("CATALOG_URL", "http"),
        )
