"""What protects a call, a server or a result: one policy a file, and the pipeline that puts them in order.

It knows no service and no web framework. In each file a frozen settings record, a decision without effects (the time
and the source of chance are passed in) and a thin async driver around it. docs/policies has a page for each. Events are
in `resilience.events`, the names of metrics in `resilience.metrics`.
"""

from resilience.breaker import CircuitBreaker
from resilience.breaker_machine import BreakerSettings
from resilience.budget import BudgetSettings, RetryBudget
from resilience.build import build_pipeline
from resilience.bulkhead import Bulkhead, BulkheadSettings
from resilience.call_tree import LINKS, SHOP, CallTree
from resilience.clock import Clock, SystemClock, system_rng
from resilience.codel import CoDelSettings
from resilience.concurrency_limit import ConcurrencyLimit, GradientSettings
from resilience.deadline import Deadline, DeadlineSettings
from resilience.deadline_asgi import DeadlineMiddleware
from resilience.errors import (
    AttemptTimeout,
    BreakerOpen,
    BulkheadFull,
    DeadlineExceeded,
    InProgress,
    KeyReused,
    LimitReached,
    RateLimited,
    Rejected,
    ResilienceError,
    SettingsError,
    Throttled,
)
from resilience.events import Event, Listener, ignore
from resilience.fallback import Fallback
from resilience.hedge import Hedge, HedgeSettings
from resilience.idempotency import Idempotency, IdempotencySettings
from resilience.link import LinkSettings, describe
from resilience.lint import check, refuse_contradictions
from resilience.load_shedding import LoadShedding, SheddingSettings
from resilience.logs import LogListener, tell_each
from resilience.lookup import link_settings, server_settings
from resilience.metrics_listener import MetricsListener
from resilience.outcome import Failures, Outcome, judge
from resilience.pipeline import Pipeline
from resilience.profiles import PROFILES, Profile
from resilience.rate_limiter import RateLimiter, RateLimitSettings
from resilience.retry import Retry, RetrySettings
from resilience.retry_throttle import RetryThrottle, RetryThrottleSettings
from resilience.single_flight import SingleFlight
from resilience.stale_cache import StaleCache, StaleCacheSettings
from resilience.stale_cache_store import MemoryStore
from resilience.states import BreakerState
from resilience.throttle import Throttle, ThrottleSettings
from resilience.timeout import Timeout, TimeoutSettings
from resilience.windows import ConsecutiveFailures, CountWindow, TimeWindow
from resilience.xfetch import refresh_now

__all__ = [
    "LINKS",
    "PROFILES",
    "SHOP",
    "AttemptTimeout",
    "BreakerOpen",
    "BreakerSettings",
    "BreakerState",
    "BudgetSettings",
    "Bulkhead",
    "BulkheadFull",
    "BulkheadSettings",
    "CallTree",
    "CircuitBreaker",
    "Clock",
    "CoDelSettings",
    "ConcurrencyLimit",
    "ConsecutiveFailures",
    "CountWindow",
    "Deadline",
    "DeadlineExceeded",
    "DeadlineMiddleware",
    "DeadlineSettings",
    "Event",
    "Failures",
    "Fallback",
    "GradientSettings",
    "Hedge",
    "HedgeSettings",
    "Idempotency",
    "IdempotencySettings",
    "InProgress",
    "KeyReused",
    "LimitReached",
    "LinkSettings",
    "Listener",
    "LoadShedding",
    "LogListener",
    "MemoryStore",
    "MetricsListener",
    "Outcome",
    "Pipeline",
    "Profile",
    "RateLimitSettings",
    "RateLimited",
    "RateLimiter",
    "Rejected",
    "ResilienceError",
    "Retry",
    "RetryBudget",
    "RetrySettings",
    "RetryThrottle",
    "RetryThrottleSettings",
    "SettingsError",
    "SheddingSettings",
    "SingleFlight",
    "StaleCache",
    "StaleCacheSettings",
    "SystemClock",
    "Throttle",
    "ThrottleSettings",
    "Throttled",
    "TimeWindow",
    "Timeout",
    "TimeoutSettings",
    "build_pipeline",
    "check",
    "describe",
    "ignore",
    "judge",
    "link_settings",
    "refresh_now",
    "refuse_contradictions",
    "server_settings",
    "system_rng",
    "tell_each",
]
