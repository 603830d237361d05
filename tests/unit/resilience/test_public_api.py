"""What the package offers, so that nothing is added or lost by accident."""

import types

import resilience

PUBLIC = [
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
