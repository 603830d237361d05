"""A pipeline built from settings: each policy is given what it asks for, and nobody else's."""

import random
from typing import Any

import pytest

from resilience import Clock, Event, Failures, LinkSettings, build_pipeline
from resilience.breaker_machine import BreakerSettings
from resilience.budget import BudgetSettings
from resilience.bulkhead import BulkheadSettings
from resilience.concurrency_limit import GradientSettings
from resilience.deadline import DeadlineSettings
from resilience.hedge import HedgeSettings
from resilience.rate_limiter import RateLimitSettings
from resilience.retry import RetrySettings
from resilience.throttle import ThrottleSettings
from resilience.windows import ConsecutiveFailures

LINK = "orders_to_payments"
BUDGET = BudgetSettings(retry_ratio=0.1, reserve_per_s=0.0, burst=5.0)


def refused(error: BaseException) -> bool:
    return isinstance(error, LookupError)


def settings(**changes: Any) -> LinkSettings:
    return LinkSettings(
        attempt_timeout_s=1.0,
        deadline=DeadlineSettings(1.0, 0.1),
        rate_limit=RateLimitSettings(1.0, 1.0),
        retry=RetrySettings(max_attempts=2, base_wait_s=0.1, max_wait_s=0.1),
        budget=BUDGET,
        hedge=HedgeSettings(0.9, 0.01, 0.5, BUDGET),
        breaker=BreakerSettings(ConsecutiveFailures(5), open_s=1.0, probes=1),
        throttle=ThrottleSettings(2.0, 1.0),
        fallback=True,
        **changes,
    )


@pytest.mark.parametrize(
    "admitting",
    [
        {"bulkhead": BulkheadSettings(1, 0, 0.0)},
        {"concurrency_limit": GradientSettings(initial=1, min_limit=1, max_limit=2)},
    ],
)
def test_each_policy_has_the_links_name_clock_chance_judges_and_listener(
    failures: Failures, clock: Clock, rng: random.Random, events: list[Event], admitting: dict[str, Any]
) -> None:
    listener = events.append
    pipeline = build_pipeline(
        LINK, settings(**admitting), failures=failures, refusals=refused, clock=clock, rng=rng, listener=listener
    )
    right = {"_failures": failures, "_refusals": refused, "_clock": clock, "_rng": rng, "_listener": listener}

    assert len(pipeline.policies) == 9
    for policy in pipeline.policies:
        given: Any = policy
        assert given.link == LINK
        for name, value in right.items():
            assert getattr(given, name, value) == value, f"{type(policy).__name__}.{name}"
