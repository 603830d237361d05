"""What the gateway speaks to: orders and inventory, over one session and its 100 connections.

Under `naive` that one session is the weak spot: checkouts that hang take its connections, and browsing, which needs
none of what is broken, waits for one.
"""

from collections.abc import Mapping, Sequence

from resilience import Pipeline, link_settings
from services.common.http_client import HttpPeer, HttpSession
from services.common.kit import Kit
from services.common.readiness import Check
from services.gateway.core import Inventory, Orders, Purchase, Refusal, Stock
from services.gateway.settings import GatewaySettings


class HttpOrders:
    """Orders over HTTP."""

    def __init__(self, peer: HttpPeer, pipeline: Pipeline) -> None:
        self._peer = peer
        self._pipeline = pipeline

    async def place(self, key: str, *, sku: str, quantity: int) -> Purchase | Refusal:
        """Place an order; the key makes repeats harmless."""
        body = {"sku": sku, "quantity": quantity}
        headers = {"idempotency-key": key}
        answer = await self._pipeline.call(
            lambda: self._peer.send("POST", "/orders", body=body, headers=headers), idempotent=True
        )
        match answer.status:
            case 201:
                return Purchase(answer.body["order_id"])
            case 402:
                return "declined"
            case 409:
                return "out-of-stock"
            case 422:
                return "key-reused"
        raise self._peer.unexpected(answer)


class HttpInventory:
    """Inventory over HTTP."""

    def __init__(self, peer: HttpPeer, pipeline: Pipeline) -> None:
        self._peer = peer
        self._pipeline = pipeline

    async def stock(self, sku: str) -> Stock | None:
        """Read the stock of a product."""
        answer = await self._pipeline.call(lambda: self._peer.send("GET", f"/stock/{sku}"), idempotent=True)
        match answer.status:
            case 200:
                return Stock(answer.body["sku"], answer.body["available"], answer.body["stale"])
            case 404:
                return None
        raise self._peer.unexpected(answer)

    async def skus(self) -> Sequence[str]:
        """Read the assortment."""
        answer = await self._pipeline.call(lambda: self._peer.send("GET", "/skus"), idempotent=True)
        if answer.status == 200:  # noqa: PLR2004 - HTTP's own
            skus: Sequence[str] = answer.body["skus"]
            return skus
        raise self._peer.unexpected(answer)


class GatewayUpstreams:
    """Owns the session."""

    def __init__(self, settings: GatewaySettings, kit: Kit) -> None:
        to_orders = link_settings(settings.profile, "gateway_to_orders")
        to_inventory = link_settings(settings.profile, "gateway_to_inventory")
        self._http = HttpSession(kit.clock)
        self._peers = {
            "orders": self._http.to("orders", settings.orders_url, to_orders),
            "inventory": self._http.to("inventory", settings.inventory_url, to_inventory),
        }
        self.orders: Orders = HttpOrders(self._peers["orders"], kit.pipeline("gateway_to_orders", to_orders))
        self.inventory: Inventory = HttpInventory(
            self._peers["inventory"], kit.pipeline("gateway_to_inventory", to_inventory)
        )

    async def open(self) -> None:
        """Open the session."""
        await self._http.open()

    async def close(self) -> None:
        """Close it."""
        await self._http.close()

    def checks(self) -> Mapping[str, Check]:
        """Return what must answer."""
        return {name: peer.ping for name, peer in self._peers.items()}
