"""Nonsense in a settings record is refused at construction, by field, bound and value."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from resilience import (
    BreakerSettings,
    BudgetSettings,
    BulkheadSettings,
    LinkSettings,
    RetrySettings,
    SettingsError,
    TimeoutSettings,
)
from resilience.windows import TimeWindow


def breaker(**changes: Any) -> BreakerSettings:
    return BreakerSettings(
        **{"window": TimeWindow(5.0, min_calls=10, failure_rate=0.5), "open_s": 1.0, "probes": 1, **changes}
    )


def retry(**changes: Any) -> RetrySettings:
    return RetrySettings(**{"max_attempts": 3, "base_wait_s": 0.1, "max_wait_s": 1.0, **changes})


def budget(**changes: Any) -> BudgetSettings:
    return BudgetSettings(**{"retry_ratio": 0.1, "reserve_per_s": 1.0, "burst": 5.0, **changes})


def bulkhead(**changes: Any) -> BulkheadSettings:
    return BulkheadSettings(**{"max_concurrent": 10, "max_waiting": 5, "max_wait_s": 0.1, **changes})


def timeout(**changes: Any) -> TimeoutSettings:
    return TimeoutSettings(**{"timeout_s": 1.0, **changes})


def link(**changes: Any) -> LinkSettings:
    return LinkSettings(**changes)


@pytest.mark.parametrize(
    ("build", "field", "value", "message"),
    [
        (timeout, "timeout_s", 0, "TimeoutSettings.timeout_s must be more than 0, got 0"),
        (timeout, "timeout_s", -1.5, "TimeoutSettings.timeout_s must be more than 0, got -1.5"),
        (timeout, "timeout_s", math.inf, "TimeoutSettings.timeout_s must be a finite number, got inf"),
        (timeout, "timeout_s", math.nan, "TimeoutSettings.timeout_s must be a finite number, got nan"),
        (timeout, "timeout_s", "1", "TimeoutSettings.timeout_s must be a finite number, got '1'"),
        (timeout, "timeout_s", True, "TimeoutSettings.timeout_s must be a finite number, got True"),
        (breaker, "open_s", 0, "BreakerSettings.open_s must be more than 0, got 0"),
        (breaker, "probes", 0, "BreakerSettings.probes must be at least 1, got 0"),
        (retry, "max_attempts", 1, "RetrySettings.max_attempts must be at least 2, got 1"),
        (retry, "base_wait_s", 0, "RetrySettings.base_wait_s must be more than 0, got 0"),
        (retry, "max_wait_s", 0, "RetrySettings.max_wait_s must be more than 0, got 0"),
        (retry, "max_wait_s", 0.05, "RetrySettings.max_wait_s must be at least base_wait_s (0.1), got 0.05"),
        (retry, "start_within_s", 0, "RetrySettings.start_within_s must be more than 0, got 0"),
        (budget, "retry_ratio", -0.1, "BudgetSettings.retry_ratio must be at least 0, got -0.1"),
        (budget, "retry_ratio", 10, "BudgetSettings.retry_ratio must be at most 1, got 10"),
        (budget, "reserve_per_s", -1, "BudgetSettings.reserve_per_s must be at least 0, got -1"),
        (budget, "burst", 0.5, "BudgetSettings.burst must be at least 1, got 0.5"),
        (bulkhead, "max_concurrent", 0, "BulkheadSettings.max_concurrent must be at least 1, got 0"),
        (bulkhead, "max_waiting", -1, "BulkheadSettings.max_waiting must be at least 0, got -1"),
        (bulkhead, "max_wait_s", -1, "BulkheadSettings.max_wait_s must be at least 0, got -1"),
        (bulkhead, "max_wait_s", 0, "BulkheadSettings.max_wait_s must be more than 0, got 0"),
        (link, "connect_timeout_s", 0, "LinkSettings.connect_timeout_s must be more than 0, got 0"),
        (link, "acquire_timeout_s", 0, "LinkSettings.acquire_timeout_s must be more than 0, got 0"),
        (link, "command_timeout_s", 0, "LinkSettings.command_timeout_s must be more than 0, got 0"),
        (link, "attempt_timeout_s", 0, "LinkSettings.attempt_timeout_s must be more than 0, got 0"),
        (link, "library_retries", -1, "LinkSettings.library_retries must be at least 0, got -1"),
    ],
)
def test_a_value_outside_its_bounds_is_refused(
    build: Callable[..., object], field: str, value: object, message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        build(**{field: value})

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("build", "fields"),
    [
        (retry, {"max_attempts": 2, "base_wait_s": 1, "max_wait_s": 1, "start_within_s": 0.001}),
        (budget, {"retry_ratio": 0, "reserve_per_s": 0, "burst": 1}),
        (budget, {"retry_ratio": 1}),
        (bulkhead, {"max_concurrent": 1, "max_waiting": 0, "max_wait_s": 0}),
        (timeout, {"timeout_s": 1}),
        (link, {"library_retries": 0}),
    ],
)
def test_a_value_on_its_bound_is_taken(build: Callable[..., object], fields: dict[str, object]) -> None:
    settings = build(**fields)

    assert {name: getattr(settings, name) for name in fields} == fields


def test_a_budget_without_a_retry_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"LinkSettings\.budget is set without retry"):
        LinkSettings(budget=budget())


def test_a_breaker_without_a_timeout_is_refused() -> None:
    """A hanging probe would keep the breaker half-open for ever."""
    with pytest.raises(SettingsError, match=r"LinkSettings\.breaker needs attempt_timeout_s"):
        LinkSettings(breaker=breaker())
