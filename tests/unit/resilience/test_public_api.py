"""What the package offers, so that nothing is added or lost by accident."""

import types

import resilience

PUBLIC = [
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


def test_the_public_names_are_these() -> None:
    assert resilience.__all__ == PUBLIC


def test_they_are_sorted_constants_classes_functions() -> None:
    kinds = [(not name.isupper(), name[0].islower(), name) for name in resilience.__all__]

    assert kinds == sorted(kinds)


def test_every_public_name_is_there_and_nothing_else_leaks() -> None:
    there = {
        name
        for name, value in vars(resilience).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }

    assert there == set(PUBLIC)
