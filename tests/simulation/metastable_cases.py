"""The cases of the metastable failure: what each is known to end in, and the bounds for a single seed.

What is asked comes from another simulation of the same model, with seeds of its own and policies written for it.
"""

import math
from dataclasses import dataclass

from resilience.admission_queue import QueueSettings
from tests.simulation.client import Guards
from tests.simulation.metastable import Setup
from tests.simulation.metastable_policies import (
    CODEL,
    LIFO,
    MARGIN,
    THREE,
    Range,
    backing_off,
    broken,
    budgeted,
    places,
    retries,
    retry_throttle,
    throttled,
    walk,
)
from tests.simulation.server import UNBOUNDED

NEVER: Range = (math.inf, math.inf)
# What is in flight when the outage ends has to go first.
AT_ONCE: Range = (0, 3)
NOTHING: Range = (0, 1)
ANY: Range = (0, math.inf)
ONCE: Range = (1.0, 1.02)


def full(rate_per_s: float) -> Range:
    """Return the rate, and three times what a Poisson process of 35 s may differ from it."""
    spread = 3.5 * math.sqrt(rate_per_s / 35)
    return (rate_per_s - spread, rate_per_s + spread)


@dataclass(frozen=True, slots=True)
class Case:
    """A setup; what is asked of it and the bounds for one seed: goodput, amplification, seconds to recovery.

    `seconds` is enough to see it, where not everything is run in full. `recovery` is None where there is no outage.
    """

    name: str
    asked: str
    setup: Setup
    goodput: Range
    amplification: Range
    recovery: Range | None
    seconds: int = 130


def two(rate_per_s: float) -> Setup:
    return Setup(rate_per_s=rate_per_s, guards=Guards(retries(2)))


def three(guards: Guards, rate_per_s: float = 280) -> Setup:
    return Setup(rate_per_s=rate_per_s, guards=guards)


IN_ONE_QUEUE = (
    Case("no retry", "283 / 1.00 / 106-133 s", Setup(), full(280), ONCE, walk(280), 300),
    Case("2 attempts", "0 / 2.00 / never", two(280), NOTHING, (1.98, 2.02), NEVER),
    Case("2 attempts, 150/s", "0 / 2.00 / never", two(150), (0, 30), (1.8, 2.02), NEVER),
    Case("2 attempts, 145/s", "full / 1.00 / 206-235 s", two(145), ANY, (1, 2.02), walk(145, again=1), 400),
    Case("2 attempts, 140/s", "full / 1.00 / 89-100 s", two(140), full(140), ONCE, walk(140, again=1), 300),
    Case("2 attempts, 130/s", "full / 1.00 / 51-66 s", two(130), full(130), ONCE, walk(130, again=1), 200),
    Case(
        "3 attempts, 95/s",
        "94 / 1.00 / 134-160 s",
        three(Guards(THREE), 95),
        full(95),
        ONCE,
        walk(95, again=1, attempts=3),
        350,
    ),
    Case("3 attempts, 105/s", "0 / 3.01 / never", three(Guards(THREE), 105), NOTHING, (2.95, 3.05), NEVER),
    Case(
        "3 attempts, full jitter 0.1..1 s", "0 / 2.99 / never", three(backing_off(0.1, 1)), NOTHING, (2.95, 3.05), NEVER
    ),
    Case(
        "3 attempts, full jitter 1..10 s", "0 / 2.99 / never", three(backing_off(1, 10)), NOTHING, (2.95, 3.05), NEVER
    ),
)
GUARDED = (
    # 1.05 x 280 is less than 300: it would be over after some 440 s.
    Case(
        "3 attempts + budget 5 %", "0 / 1.05 / never", three(budgeted(0.05)), (0, 300), (1, 1.06), walk(280, again=0.05)
    ),
    Case("3 attempts + budget 10 %", "0 / 1.10 / never", three(budgeted(0.1)), NOTHING, (1.09, 1.11), NEVER),
    Case("3 attempts + budget 20 %", "0 / 1.20 / never", three(budgeted(0.2)), NOTHING, (1.19, 1.21), NEVER),
    Case(
        "3 attempts + budget 10 %, 250/s",
        "250 / 1.00 / 97-113 s",
        three(budgeted(0.1), 250),
        full(250),
        ONCE,
        walk(250, again=0.1),
        250,
    ),
    Case(
        "3 attempts + budget 10 %, 265/s",
        "88 / 1.07 / > 300 s",
        three(budgeted(0.1), 265),
        (0, 300),
        (1, 1.11),
        walk(265, again=0.1),
        400,
    ),
    Case(
        "3 attempts + retry throttle (gRPC)",
        "- / 1.00 / as without retry",
        three(Guards(THREE, allowance=retry_throttle)),
        full(280),
        ONCE,
        walk(280),
        300,
    ),
    Case("3 attempts + breaker, open 5 s", "282 / 1.00 / 11 s", three(broken(5)), full(280), ONCE, (10, 12)),
    Case("3 attempts + breaker, open 1 s", "282 / 1.00 / 9-10 s", three(broken(1)), full(280), ONCE, (8, 11)),
    # From one accepted call a window to all of them takes ln(K x calls a window) / 1.59 windows, after the backlog.
    Case("3 attempts + throttle K 2, 2 s", "280 / 1.00 / 13 s", three(throttled(2, 2)), full(280), ONCE, (7, 20)),
    Case("3 attempts + throttle K 2, 5 s", "280 / 1.00 / 27 s", three(throttled(2, 5)), full(280), ONCE, (18, 55), 180),
    Case(
        "3 attempts + throttle K 2, 10 s", "280 / 1.00 / 49 s", three(throttled(2, 10)), full(280), ONCE, (40, 110), 250
    ),
    Case(
        "3 attempts + throttle K 2, 30 s",
        "280 / 1.00 / 108 s",
        three(throttled(2, 30)),
        ANY,
        (0, 1.02),
        (100, math.inf),
        400,
    ),
    Case(
        "3 attempts + throttle K 1.1, 10 s",
        "280 / 1.00 / 225-247 s",
        three(throttled(1.1, 10)),
        ANY,
        (0, 1.02),
        (150, math.inf),
        400,
    ),
)


def queued(queue: QueueSettings, *, knows_deadlines: bool = False) -> Setup:
    return Setup(guards=Guards(THREE), queue=queue, knows_deadlines=knows_deadlines)


SERVED = (
    Case("3 attempts + last come first", "281 / 1.04 / 1 s", queued(LIFO), full(280), (1, 1.05), AT_ONCE),
    Case(
        "3 attempts + expired work dropped",
        "203 / 1.80 / 2 of 3 seeds never",
        queued(UNBOUNDED, knows_deadlines=True),
        (100, 300),
        (1, 2.5),
        (5, math.inf),
        400,
    ),
    Case(
        "3 attempts + work with < 5 ms left dropped",
        "281 / 1.00 / 1-2 s",
        queued(MARGIN, knows_deadlines=True),
        full(280),
        ONCE,
        AT_ONCE,
    ),
    Case("3 attempts + CoDel 100 ms / 5 ms", "272 / 1.31 / 1 s", queued(CODEL), (255, 285), (1.1, 1.35), AT_ONCE),
    Case("3 attempts + queue of 100", "281 / 1.00 / 1 s", queued(places(100)), full(280), ONCE, AT_ONCE),
    Case("3 attempts + queue of 250", "281 / 1.00 / 1 s", queued(places(250)), full(280), ONCE, AT_ONCE),
    # Just above the rule's 299: it depends on luck.
    Case("3 attempts + queue of 310", "283 / 1.00 / 2-3 s", queued(places(310)), full(280), ONCE, (0, 40), 180),
    Case("3 attempts + queue of 400", "0 / 3.00 / never", queued(places(400)), NOTHING, (2.95, 3.05), NEVER),
)


def overloaded(queue: QueueSettings) -> Setup:
    return Setup(rate_per_s=360, queue=queue, outage=False)


OVERLOADED = (
    Case("360/s, no retry, first come first", "0", overloaded(UNBOUNDED), NOTHING, ONCE, None, 60),
    Case("360/s, no retry, last come first", "304", overloaded(LIFO), full(300), ONCE, None),
    Case("360/s, no retry, queue of 100", "304", overloaded(places(100)), full(300), ONCE, None),
    Case("360/s, no retry, CoDel", "277", overloaded(CODEL), (265, 292), ONCE, None),
)
CASES = (*IN_ONE_QUEUE, *GUARDED, *SERVED, *OVERLOADED)
