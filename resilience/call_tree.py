"""Who calls whom in the shop, how often and how long that takes: what the numbers of a profile are held against.

Another service's tree goes in the same shape into `resilience.lint.check`.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallTree:
    """A shop as the lint sees it.

    `calls`: whoever answers a call over the first link makes the calls after it, one after the other.
    `usual_s`: seconds a call takes when nothing is wrong. `per_s`: calls a second in the scenarios.
    `pools`: links that borrow a connection from a pool, with the size that the client library makes by itself.
    `server_connections`: connections that the server behind those pools allows, less what it keeps for itself.
    `copies`: how many copies of the shop share that server.
    """

    calls: Mapping[str, tuple[str, ...]]
    usual_s: Mapping[str, float]
    per_s: Mapping[str, float]
    pools: Mapping[str, int]
    server_connections: int
    copies: int

    def callers_of(self, link: str) -> tuple[str, ...]:
        """Return the links whose calls make this one."""
        return tuple(outer for outer, inner in self.calls.items() if link in inner)


LINKS = (
    "gateway_to_orders",
    "gateway_to_inventory",
    "orders_to_inventory",
    "orders_to_payments",
    "payments_to_bank",
    "orders_to_postgres",
    "inventory_to_postgres",
    "payments_to_postgres",
    "inventory_to_redis",
)

# A statement and the pool's reset 10 ms, a command of Redis 2 ms, the bank's script 100 ms; the others are sums.
# 40 checkouts and 50 reads of stock a second; 14 of these reads, 200 products / (10 s + 200 / 50 s), miss the cache.
SHOP = CallTree(
    calls={
        "gateway_to_orders": ("orders_to_postgres", "orders_to_inventory", "orders_to_payments", "orders_to_postgres"),
        "gateway_to_inventory": ("inventory_to_redis", "inventory_to_postgres", "inventory_to_redis"),
        "orders_to_inventory": ("inventory_to_postgres",),
        "orders_to_payments": ("payments_to_postgres", "payments_to_bank", "payments_to_postgres"),
    },
    usual_s={
        "gateway_to_orders": 0.17,
        "gateway_to_inventory": 0.014,
        "orders_to_inventory": 0.02,
        "orders_to_payments": 0.13,
        "payments_to_bank": 0.1,
        "orders_to_postgres": 0.01,
        "inventory_to_postgres": 0.01,
        "payments_to_postgres": 0.01,
        "inventory_to_redis": 0.002,
    },
    per_s={
        "gateway_to_orders": 40,
        "gateway_to_inventory": 50,
        "orders_to_inventory": 40,
        "orders_to_payments": 40,
        "payments_to_bank": 40,
        "orders_to_postgres": 80,
        "inventory_to_postgres": 54,
        "payments_to_postgres": 80,
        "inventory_to_redis": 64,
    },
    pools=dict.fromkeys(("orders_to_postgres", "inventory_to_postgres", "payments_to_postgres"), 10),
    server_connections=200 - 3,
    copies=3,
)
