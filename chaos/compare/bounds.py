"""The most that inventory can answer a second while something in it is slow, by how its handlers are written; pure.

One rule, Little's law: what serves one request at a time for S seconds serves at most 1 / S a second, and n of them at
most n / S. What differs is who serves: a connection of the pool, a thread, or the event loop, of which there is one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chaos.report.numbers import grouped, seconds
from chaos.scenario import Fault, Handler, SlowCall, Toxic

# Of one statement, the return of its connection included. asyncpg resets a connection before it takes it back, which
# asks the server a second time; psycopg does not.
ROUND_TRIPS: Mapping[Handler, int] = {"async": 2, "def": 1, "blocking": 1}
LINK = "inventory_to_postgres"


@dataclass(frozen=True, slots=True)
class Resources:
    """What inventory may use at once: connections of its pool, and threads for plain `def` handlers."""

    pool_size: int
    thread_tokens: int


# What services/inventory opens by itself, and anyio's limiter for the threads of one event loop.
DEFAULTS = Resources(pool_size=10, thread_tokens=40)


@dataclass(frozen=True, slots=True)
class Bound:
    """At most `per_s` a second, None where nothing bounds it; `sum` shows how, `limit` who serves."""

    per_s: float | None
    sum: str
    limit: str


def bound(fault: Fault, handler: Handler, resources: Resources) -> Bound | None:
    """Return what bounds a kind of handler under a fault; None for a fault that does not slow its calls."""
    if isinstance(fault, SlowCall):
        return _slow_call(handler, fault.attributes.call_ms / 1000, resources)
    if isinstance(fault, Toxic) and fault.type == "latency" and LINK in fault.links:
        return _slow_link(handler, fault.attributes.get("latency", 0) / 1000, resources)
    return None


def _slow_call(handler: Handler, call_s: float, resources: Resources) -> Bound:
    if handler == "async":
        return Bound(None, "no bound", "nothing")
    if handler == "def":
        return _served(resources.thread_tokens, call_s, seconds(call_s), "threads")
    return _served(1, call_s, seconds(call_s), "the event loop")


def _slow_link(handler: Handler, latency_s: float, resources: Resources) -> Bound | None:
    if latency_s == 0:
        return None
    trips = ROUND_TRIPS[handler]
    held_s = trips * latency_s
    held = f"({trips} x {seconds(latency_s)})" if trips > 1 else seconds(latency_s)
    if handler == "blocking":
        return _served(1, held_s, held, "the event loop")
    servers = [(resources.pool_size, "connections")]
    servers += [(resources.thread_tokens, "threads")] if handler == "def" else []
    fewest, named = min(servers)
    return _served(fewest, held_s, held, named)


def _served(servers: int, held_s: float, held: str, named: str) -> Bound:
    return Bound(servers / held_s, f"{servers} / {held} = {grouped(servers / held_s, 1)} /s", named)
