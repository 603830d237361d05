"""What the settings of a link refuse, in full words; what its policies are called; how long a call may take."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from resilience.breaker_machine import BreakerSettings
from resilience.budget import BudgetSettings
from resilience.bulkhead import BulkheadSettings
from resilience.concurrency_limit import GradientSettings
from resilience.deadline import DeadlineSettings
from resilience.errors import SettingsError
from resilience.hedge import HedgeSettings
from resilience.link import LinkSettings, describe
from resilience.rate_limiter import RateLimitSettings
from resilience.retry import RetrySettings
from resilience.retry_throttle import RetryThrottleSettings
from resilience.throttle import ThrottleSettings
from resilience.windows import ConsecutiveFailures, TimeWindow


def policy(name: str) -> Any:
    """Return one policy's settings, by the field of the link."""
    budget = BudgetSettings(retry_ratio=0.1, reserve_per_s=1.0, burst=5.0)
    makers: dict[str, Callable[[], object]] = {
        "deadline": lambda: DeadlineSettings(call_timeout_s=5.0, margin_s=0.0),
        "rate_limit": lambda: RateLimitSettings(rate_per_s=10.0, burst=5.0),
        "bulkhead": lambda: BulkheadSettings(max_concurrent=10, max_waiting=5, max_wait_s=0.25),
        "concurrency_limit": lambda: GradientSettings(initial=10, min_limit=1, max_limit=20),
        "retry": lambda: RetrySettings(max_attempts=3, base_wait_s=0.1, max_wait_s=0.5),
        "budget": lambda: budget,
        "retry_throttle": RetryThrottleSettings,
        "hedge": lambda: HedgeSettings(quantile=0.95, min_delay_s=0.01, max_delay_s=0.125, budget=budget),
        "breaker": lambda: BreakerSettings(ConsecutiveFailures(5), open_s=1.0, probes=1),
        "throttle": lambda: ThrottleSettings(ratio=2.0, window_s=30.0),
        "fallback": lambda: True,
    }
    return makers[name]()


def link(*names: str, timeout_s: float | None = 1.0, **fields: Any) -> LinkSettings:
    """Return a link with these policies."""
    return LinkSettings(attempt_timeout_s=timeout_s, **{name: policy(name) for name in names}, **fields)


@pytest.mark.parametrize(
    ("names", "timeout_s", "words"),
    [
        (["budget"], 1.0, "budget is set without retry: there is nothing to pay for"),
        (["retry_throttle"], 1.0, "retry_throttle is set without retry: there is nothing to pay for"),
        (
            ["retry", "budget", "retry_throttle"],
            1.0,
            "budget and retry_throttle are both set: a retry is paid for once, choose one",
        ),
        (
            ["bulkhead", "concurrency_limit"],
            1.0,
            "bulkhead and concurrency_limit are both set: they count the same calls, choose one",
        ),
        (["breaker"], None, "breaker needs attempt_timeout_s: a probe that hangs would hold it half-open"),
        (["hedge"], None, "hedge needs attempt_timeout_s: two calls that hang are worse than one"),
        (["concurrency_limit"], None, "concurrency_limit needs attempt_timeout_s: calls that hang would use it up"),
        (["throttle"], None, "throttle needs attempt_timeout_s: a call that hangs is never counted as refused"),
        (
            ["hedge"],
            0.125,
            "hedge.max_delay_s (0.125) must be less than attempt_timeout_s (0.125), or no second call ever starts",
        ),
    ],
)
def test_two_settings_that_cannot_both_be_meant_are_refused(
    names: list[str], timeout_s: float | None, words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        link(*names, timeout_s=timeout_s)

    assert str(caught.value) == f"LinkSettings.{words}"


@pytest.mark.parametrize(
    ("names", "timeout_s"),
    [
        ([], None),
        (["rate_limit", "bulkhead", "retry", "budget", "fallback", "deadline"], None),
        (["retry", "retry_throttle"], None),
        (["hedge", "breaker", "throttle", "concurrency_limit"], 0.126),
    ],
)
def test_settings_that_agree_are_taken(names: list[str], timeout_s: float | None) -> None:
    assert link(*names, timeout_s=timeout_s).attempt_timeout_s == timeout_s


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("connect_timeout_s", 0, "more than 0, got 0"),
        ("acquire_timeout_s", 0, "more than 0, got 0"),
        ("command_timeout_s", 0, "more than 0, got 0"),
        ("library_retries", -1, "at least 0, got -1"),
        ("library_retries", 1.5, "a whole number, got 1.5"),
        ("pool_size", 0, "at least 1, got 0"),
        ("pool_size", 1.5, "a whole number, got 1.5"),
    ],
)
def test_a_limit_of_the_library_outside_its_bounds_is_refused(field: str, value: float, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        link(**{field: value})

    assert str(caught.value) == f"LinkSettings.{field} must be {words}"


def test_a_limit_of_the_library_on_its_bound_is_taken() -> None:
    assert (link(library_retries=0).library_retries, link(pool_size=1).pool_size) == (0, 1)


def test_policies_are_named_outermost_first() -> None:
    everything = link(
        "deadline", "rate_limit", "bulkhead", "retry", "budget", "hedge", "breaker", "throttle", "fallback"
    )

    assert everything.policies == (
        "fallback",
        "deadline",
        "rate_limiter",
        "bulkhead",
        "retry",
        "budget",
        "hedge",
        "breaker",
        "throttle",
        "timeout",
    )
    assert link("concurrency_limit").policies == ("concurrency_limit", "timeout")
    assert link("retry", "retry_throttle", timeout_s=None).policies == ("retry", "budget")


class TestWorstCase:
    def test_nothing_ends_a_call_without_a_timeout(self) -> None:
        assert link("retry", timeout_s=None).worst_case_s is None

    def test_one_attempt(self) -> None:
        assert link().worst_case_s == 1.0

    def test_a_queue_attempts_and_the_waits_between(self) -> None:
        assert link("bulkhead", "retry").worst_case_s == 0.25 + 3 * 1.0 + 2 * 0.5

    def test_a_second_call_may_begin_late_in_each_attempt(self) -> None:
        assert link("hedge", "retry").worst_case_s == 3 * 1.125 + 2 * 0.5

    def test_the_last_attempt_begins_in_time(self) -> None:
        retry = replace(policy("retry"), start_within_s=0.5)

        assert link("hedge", retry=retry).worst_case_s == 0.5 + 1.125

    def test_the_time_of_the_whole_call_ends_it(self) -> None:
        deadline = DeadlineSettings(call_timeout_s=2.0, margin_s=0.0)

        assert link("bulkhead", "retry", deadline=deadline).worst_case_s == 2.0
        assert link(deadline=deadline).worst_case_s == 1.0

    def test_a_deadline_that_is_only_the_callers_is_not_known(self) -> None:
        assert link(deadline=DeadlineSettings(call_timeout_s=None, margin_s=0.1)).worst_case_s == 1.0


def test_described_it_is_flat_down_to_the_innermost_record() -> None:
    described = describe(link("breaker", "retry"))

    assert described["breaker.window.failures"] == 5
    assert described["retry.max_attempts"] == 3
    assert (described["attempt_timeout_s"], described["bulkhead"], described["fallback"]) == (1.0, None, False)
    assert not {"breaker", "breaker.window", "retry"} & set(described)


def test_a_call_that_is_slow_only_after_the_timeout_is_never_slow() -> None:
    window = TimeWindow(window_s=2.0, min_calls=10, failure_rate=0.5, slow_s=0.5, slow_rate=0.5)
    breaker = BreakerSettings(window, open_s=1.0, probes=1)

    with pytest.raises(SettingsError) as caught:
        link(timeout_s=0.5, breaker=breaker)

    assert str(caught.value) == (
        "LinkSettings.breaker.window.slow_s (0.5) must be less than attempt_timeout_s (0.5): "
        "what takes longer has failed already"
    )
    assert link(timeout_s=0.51, breaker=breaker).breaker is breaker
