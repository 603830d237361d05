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
    "orders_to_kafka",
    "notifications_to_kafka",
    "notifications_to_postgres",
    "gateway_to_notifications",
    "gateway_to_catalog",
    "catalog_to_mysql",
    "catalog_to_redis",
    "catalog_to_postgres",
)

# A statement and the pool's reset 10 ms, a command of Redis 2 ms, the bank's script 100 ms; the others are sums.
# 40 checkouts and 50 reads of stock a second; 14 of these reads, 200 products / (10 s + 200 / 50 s), miss the cache.
# A checkout is one event, at most: 40 a second, each a transaction of notifications, and 10 lists of them are read.
# Of 40 questions to catalog half are searches, a point and then the products; half are reads, from a copy but for few.
# Nobody's call makes those to Kafka: a relay publishes, a consumer asks (where a profile publishes in the request, its
# numbers say so). A fetch takes as long as there is nothing to fetch, 0.5 s.
SHOP = CallTree(
    calls={
        "gateway_to_orders": ("orders_to_postgres", "orders_to_inventory", "orders_to_payments", "orders_to_postgres"),
        "gateway_to_inventory": ("inventory_to_redis", "inventory_to_postgres", "inventory_to_redis"),
        "orders_to_inventory": ("inventory_to_postgres",),
        "orders_to_payments": ("payments_to_postgres", "payments_to_bank", "payments_to_postgres"),
        "gateway_to_notifications": ("notifications_to_postgres",),
        "gateway_to_catalog": ("catalog_to_postgres", "catalog_to_redis", "catalog_to_mysql", "catalog_to_redis"),
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
        "orders_to_kafka": 0.01,
        "notifications_to_kafka": 0.5,
        "notifications_to_postgres": 0.01,
        "gateway_to_notifications": 0.02,
        "gateway_to_catalog": 0.03,
        "catalog_to_mysql": 0.01,
        "catalog_to_redis": 0.002,
        "catalog_to_postgres": 0.01,
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
        "orders_to_kafka": 40,
        "notifications_to_kafka": 40,
        "notifications_to_postgres": 50,
        "gateway_to_notifications": 10,
        "gateway_to_catalog": 40,
        "catalog_to_mysql": 20,
        "catalog_to_redis": 60,
        "catalog_to_postgres": 20,
    },
    pools=dict.fromkeys(
        (
            "orders_to_postgres",
            "inventory_to_postgres",
            "payments_to_postgres",
            "notifications_to_postgres",
            "catalog_to_postgres",
        ),
        10,
    ),
    server_connections=200 - 3,
    copies=3,
)
