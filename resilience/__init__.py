"""What protects a call: timeout, retry, retry budget, circuit breaker, bulkhead, fallback, and their pipeline.

It knows no service and no web framework. One policy a file; in each a frozen settings record, a decision without
effects (the time and the source of chance are passed in) and a thin async driver around it.
"""

from resilience.breaker import CircuitBreaker
from resilience.breaker_machine import BreakerMachine, BreakerSettings
from resilience.budget import BudgetSettings, RetryBudget
from resilience.bulkhead import Bulkhead, BulkheadSettings
from resilience.clock import Clock, SystemClock, system_rng
from resilience.errors import AttemptTimeout, BreakerOpen, BulkheadFull, Rejected, ResilienceError, SettingsError
from resilience.events import (
    BreakerChanged,
    BreakerState,
    BudgetChanged,
    BulkheadChanged,
    CallEnded,
    Event,
    FallbackUsed,
    Listener,
    PipelineBuilt,
    Refused,
    RetryScheduled,
    ignore,
)
from resilience.fallback import Fallback
from resilience.link import LinkSettings, describe
from resilience.metrics import MetricsListener
from resilience.outcome import Failures, Outcome, judge
from resilience.pipeline import Pipeline, build_pipeline
from resilience.profiles import LINKS, PROFILES, Profile, link_settings
from resilience.retry import Retry, RetrySettings
from resilience.timeout import Timeout, TimeoutSettings

__all__ = [
    "LINKS",
    "PROFILES",
    "AttemptTimeout",
    "BreakerChanged",
    "BreakerMachine",
    "BreakerOpen",
    "BreakerSettings",
    "BreakerState",
    "BudgetChanged",
    "BudgetSettings",
    "Bulkhead",
    "BulkheadChanged",
    "BulkheadFull",
    "BulkheadSettings",
    "CallEnded",
    "CircuitBreaker",
    "Clock",
    "Event",
    "Failures",
    "Fallback",
    "FallbackUsed",
    "LinkSettings",
    "Listener",
    "MetricsListener",
    "Outcome",
    "Pipeline",
    "PipelineBuilt",
    "Profile",
    "Refused",
    "Rejected",
    "ResilienceError",
    "Retry",
    "RetryBudget",
    "RetryScheduled",
    "RetrySettings",
    "SettingsError",
    "SystemClock",
    "Timeout",
    "TimeoutSettings",
    "build_pipeline",
    "describe",
    "ignore",
    "judge",
    "link_settings",
    "system_rng",
]
