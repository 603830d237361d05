"""What the gateway speaks to: the services behind it, over one session and its 100 connections.

Under `naive` that one session is the weak spot: checkouts that hang take its connections, and browsing, which needs
none of what is broken, waits for one.
"""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import aiohttp

from resilience import Pipeline, link_settings
from services.common.errors import DependencyBrokenError, DependencyDownError
from services.common.http_client import HttpPeer, HttpSession
from services.common.kit import Kit
from services.common.readiness import Check
from services.gateway.catalog_routes import Catalog
from services.gateway.core import Inventory, Orders, Purchase, Refusal, Stock
from services.gateway.settings import GatewaySettings
from services.gateway.streams import Notice, Streams
from services.gateway.upstreams_catalog import HttpCatalog

# Three heartbeats of notifications, which come each 5 s.
STREAM_SILENT_S = 15.0
STREAM_CONNECT_S = 2.0


class HttpOrders:
    """Orders over HTTP."""

    def __init__(self, peer: HttpPeer, pipeline: Pipeline) -> None:
        self._peer = peer
        self._pipeline = pipeline

    async def place(self, key: str, *, sku: str, quantity: int, customer: str) -> Purchase | Refusal:
        """Place an order; the key makes repeats harmless."""
        body = {"sku": sku, "quantity": quantity, "customer": customer}
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


class HttpNotifications:
    """Notifications over HTTP. The stream takes one of the session's connections for as long as it stands.

    It goes through no pipeline: a call that lasts for hours is no slow one. Its bounds are its own: on the connection,
    and on the silence between two heartbeats.
    """

    def __init__(self, http: HttpSession, url: str, peer: HttpPeer, pipeline: Pipeline) -> None:
        self._http, self._url = http, url
        self._peer, self._pipeline = peer, pipeline

    async def listed(self, customer: str, *, after: int, most: int) -> Sequence[Mapping[str, Any]]:
        """Read a customer's notifications."""
        path = f"/customers/{customer}/notifications?after={after}&limit={most}"
        answer = await self._pipeline.call(lambda: self._peer.send("GET", path), idempotent=True)
        if answer.status == 200:  # noqa: PLR2004 - HTTP's own
            found: list[dict[str, Any]] = answer.body["notifications"]
            return found
        raise self._peer.unexpected(answer)

    async def streamed(self, after: int | None) -> AsyncGenerator[Notice | int]:
        """Read the stream; ends by itself where notifications ends it."""
        timeout = aiohttp.ClientTimeout(
            total=None, connect=STREAM_CONNECT_S, sock_connect=STREAM_CONNECT_S, sock_read=STREAM_SILENT_S
        )
        params = {} if after is None else {"after": str(after)}
        try:
            async with self._http.client.get(f"{self._url}/stream", params=params, timeout=timeout) as answer:
                if answer.status != 200:  # noqa: PLR2004 - HTTP's own
                    raise DependencyBrokenError("notifications", f"answered {answer.status} to a stream")
                async for line in answer.content:
                    name, _, value = line.partition(b": ")
                    if name == b"data":
                        yield _read(value)
        except (aiohttp.ClientConnectorError, TimeoutError) as exc:
            raise DependencyDownError("notifications", f"{type(exc).__name__} {exc}".strip()) from exc
        except (aiohttp.ClientError, OSError, ValueError, KeyError, TypeError) as exc:
            raise DependencyBrokenError("notifications", f"{type(exc).__name__}: {exc}") from exc


def _read(data: bytes) -> Notice | int:
    """Return what a line of data says; raises ValueError, KeyError, TypeError."""
    told = json.loads(data)
    if isinstance(told, int):
        return told
    return Notice(int(told["id"]), str(told["customer"]), data.decode().strip())


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
        to_notifications = link_settings(settings.profile, "gateway_to_notifications")
        notifications = HttpNotifications(
            self._http,
            settings.notifications_url,
            self._http.to("notifications", settings.notifications_url, to_notifications),
            kit.pipeline("gateway_to_notifications", to_notifications),
        )
        to_catalog = link_settings(settings.profile, "gateway_to_catalog")
        self.catalog: Catalog = HttpCatalog(
            self._http.to("catalog", settings.catalog_url, to_catalog), kit.pipeline("gateway_to_catalog", to_catalog)
        )
        self.streams = Streams(notifications, clock=kit.clock, tell=kit.tell)
        self.orders: Orders = HttpOrders(self._peers["orders"], kit.pipeline("gateway_to_orders", to_orders))
        self.inventory: Inventory = HttpInventory(
            self._peers["inventory"], kit.pipeline("gateway_to_inventory", to_inventory)
        )

    async def open(self) -> None:
        """Open the session."""
        await self._http.open()

    async def close(self) -> None:
        """End the stream, then close it."""
        await self.streams.end()
        await self._http.close()

    def checks(self) -> Mapping[str, Check]:
        """Return what must answer."""
        return {name: peer.ping for name, peer in self._peers.items()}
