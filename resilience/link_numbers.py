"""Every number that protects a link, in one file, each with its arithmetic. `resilience.profiles` makes use of them.

A number here is a claim about the shop: `resilience.lint` adds them up along the call tree and refuses contradictions,
the scenarios try them.
"""

from collections.abc import Mapping
from dataclasses import replace

from resilience.breaker_machine import BreakerSettings
from resilience.budget import BudgetSettings
from resilience.bulkhead import BulkheadSettings
from resilience.link import LinkSettings
from resilience.retry import RetrySettings
from resilience.windows import TimeWindow

# 2 s: where a dependency stops answering, half of the window has failed after 1 s, and the breaker opens; 5 s took 3 s
# (measured, slow-db). 10 calls: a link with 5 calls/s can still open. 50 %: a dependency that loses one call in five
# fills half of one window of 10 by chance in 3 % of cases, of 20 in 0.3 %; windows slide, so at 10 calls/s that opens
# it every 3 minutes, at 20 calls/s and more hardly ever. 1 s open: a dependency that is back is in use
# again within about 1 s, and until then it is asked once a second. One probe: who is just coming up gets one call, no
# flood.
BREAKER = BreakerSettings(TimeWindow(window_s=2.0, min_calls=10, failure_rate=0.5), open_s=1.0, probes=1)

# 10 % of calls: a full outage costs the dependency 1.1 times its load, where two attempts for everybody cost 2 times.
# At 40 calls/s that is 4 retries/s; 1/s besides lets a quiet link retry; 5 at once cover a reset of a few connections.
BUDGET = BudgetSettings(retry_ratio=0.1, reserve_per_s=1.0, burst=5.0)

# Two attempts, and the second only within 0.2 s of the call's beginning: a reset or a refused connection shows in
# milliseconds and is worth another try, an attempt that hung for its whole time has used up the caller's.
RETRY = RetrySettings(max_attempts=2, base_wait_s=0.05, max_wait_s=0.1, start_within_s=0.2)

# A statement takes about 5 ms: 0.3 s is 60 times that. 10 at once is the pool's size, so the queue is ours (bounded and
# visible) and not the pool's; 0.25 s for a connection is waited only while the pool replaces a broken one. 0.5 s ends
# both together. 40 waiting for 0.1 s: at 5 ms, 10 slots serve 200 calls in that time, so the clump that comes after a
# pause of 0.2 s at 200 calls/s is gone in 20 ms (10 waiting were measured to refuse 2 % at 125 checkouts/s); at 0.3 s
# only 3 get a slot, and the rest is refused after 0.1 s instead of hanging. On a link that swallows everything,
# asyncpg's clean-up of a cancelled statement may take acquire_timeout_s once more; the caller's own timeout ends that.
# No statement of the shop leaves anything in its session, so nothing is to be cleared there: each holds its connection
# for one round trip instead of two.
POSTGRES = LinkSettings(
    reset_sessions=False,
    connect_timeout_s=0.5,
    acquire_timeout_s=0.25,
    command_timeout_s=0.3,
    attempt_timeout_s=0.5,
    breaker=BREAKER,
    bulkhead=BulkheadSettings(max_concurrent=10, max_waiting=40, max_wait_s=0.1),
)


def _http(
    attempt_timeout_s: float,
    *,
    retry: RetrySettings | None = None,
    budget: BudgetSettings | None = None,
    bulkhead: BulkheadSettings | None = None,
) -> LinkSettings:
    """Return the settings of an HTTP link.

    A connection on one host takes under 1 ms: 0.25 s without one is no network. aiohttp counts a wait for its pool (100
    connections) and the connecting together: 0.5 s for both. The attempt timeout ends the rest. Which errors count is
    said by the service: no answer and a broken answer do; a 503 is an answer, or one refusal would spread upwards.
    """
    return LinkSettings(
        connect_timeout_s=0.25,
        acquire_timeout_s=0.5,
        attempt_timeout_s=attempt_timeout_s,
        retry=retry,
        budget=budget,
        breaker=BREAKER,
        bulkhead=bulkhead,
    )


LINK_NUMBERS: Mapping[str, LinkSettings] = {
    # A checkout takes about 0.2 s, at 40/s that is 8 in flight (Little: rate x time). 2 s each, the worst, would be 80:
    # 60 are let in, so that of the process's 100 connections 40 stay for browsing; 60 slots of 0.2 s serve 30 in the
    # 0.1 s that somebody may wait. No retry here: the retries sit one level down, next to what fails, and layers
    # multiply.
    "gateway_to_orders": _http(2.0, bulkhead=BulkheadSettings(max_concurrent=60, max_waiting=30, max_wait_s=0.1)),
    # A read: Redis 0.1 s + Postgres 0.65 s + the new copy into Redis 0.1 s = 0.85 s at the very worst.
    "gateway_to_inventory": _http(1.0, retry=RETRY, budget=BUDGET),
    # A reservation is one statement: Postgres 0.65 s at its worst, and 0.15 s for the way.
    "orders_to_inventory": _http(0.8, retry=RETRY, budget=BUDGET),
    # Two statements and the bank: Postgres at its worst 2 x 0.6 s + bank 0.1 s = 1.3 s; or the bank at its worst 1.2 s
    # + 2 x 5 ms. With its retry 1.5 + 0.2 = 1.7 s, and with orders' own statements inside the gateway's 2 s.
    "orders_to_payments": _http(1.5, retry=RETRY, budget=BUDGET),
    # The bank takes 0.1 s and serves 8 at once, 80/s: 1 s is a queue of 80 before us. Repeats are safe by key.
    "payments_to_bank": _http(1.0, retry=RETRY, budget=BUDGET),
    "orders_to_postgres": POSTGRES,
    # Reads may be repeated, the caller says which. Queue 0.1 s, a retry only within 0.05 s, an attempt 0.5 s: 0.65 s.
    "inventory_to_postgres": replace(
        POSTGRES,
        retry=RetrySettings(max_attempts=2, base_wait_s=0.02, max_wait_s=0.05, start_within_s=0.05),
        budget=BUDGET,
        fallback=True,
    ),
    "payments_to_postgres": POSTGRES,
    # A cache that takes 0.1 s is slower than what it caches. redis-py's own 10 repeats would make that 1.1 s.
    "inventory_to_redis": LinkSettings(
        connect_timeout_s=0.1,
        command_timeout_s=0.1,
        library_retries=0,
        attempt_timeout_s=0.1,
        breaker=BREAKER,
        fallback=True,
    ),
    # The relay publishes behind the request, and nobody waits for it: a slow broker gets 4 s for a batch, since one
    # that is given up on may be in the topic, and comes there twice. aiokafka has one time for connecting and
    # for asking; 2 s bound the start of a client. The relay's own waits between attempts spare a broker that is away.
    "orders_to_kafka": LinkSettings(
        connect_timeout_s=2.0, command_timeout_s=4.0, attempt_timeout_s=4.5, breaker=BREAKER
    ),
    # A fetch waits 0.5 s for something to come, a join for every member of the group: 6 s, the session's own time. No
    # breaker: one consumer asks, and its own waits spare the broker.
    "notifications_to_kafka": LinkSettings(connect_timeout_s=2.0, command_timeout_s=8.0, attempt_timeout_s=8.5),
    "notifications_to_postgres": POSTGRES,
    # A list is one statement: Postgres 0.6 s at its worst, and 0.2 s for the way. A stream has bounds of its own.
    "gateway_to_notifications": _http(0.8, retry=RETRY, budget=BUDGET),
    # A search: Postgres 0.6 s at its worst, which is then answered by words, Redis 0.1 s and MySQL 0.65 s, Redis again:
    # 1.45 s at the very worst. Only what is like a product asks MySQL twice then, where there is no copy of it: the
    # deadline cuts the second question.
    "gateway_to_catalog": _http(1.5, retry=RETRY, budget=BUDGET),
    # As Postgres, and its pool of 10; reads only, so a second attempt is harmless. What fails is answered from a copy.
    "catalog_to_mysql": replace(
        POSTGRES,
        retry=RetrySettings(max_attempts=2, base_wait_s=0.02, max_wait_s=0.05, start_within_s=0.05),
        budget=BUDGET,
        fallback=True,
    ),
    "catalog_to_redis": LinkSettings(
        connect_timeout_s=0.1,
        command_timeout_s=0.1,
        library_retries=0,
        attempt_timeout_s=0.1,
        breaker=BREAKER,
        fallback=True,
    ),
    # No second attempt: a search that fails here is one by words.
    "catalog_to_postgres": replace(POSTGRES, fallback=True),
}

# Where the customer waits for the publishing, it must fit into the gateway's 2 s beside the worst of the rest, the
# 1.7 s of payments: 0.25 s. A send takes 10 ms.
DUAL_WRITE = LinkSettings(connect_timeout_s=0.25, command_timeout_s=0.2, attempt_timeout_s=0.25)
