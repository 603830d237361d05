"""Retries multiply the load of a dependency just when it fails; what bounds that bounds it to its word."""

import pytest

from resilience.retry_throttle import RetryThrottle, RetryThrottleSettings
from tests.simulation.amplification import attempts_a_call, measure, through_layers
from tests.simulation.client import Guards
from tests.simulation.metastable_policies import THREE, budgeted, retries, retry_throttle

GRPC = Guards(THREE, allowance=retry_throttle)


@pytest.mark.parametrize(
    ("failing", "attempts", "asked"), [(0.1, 3, 1.11), (0.5, 3, 1.75), (1.0, 3, 3.0), (1.0, 2, 2.0)]
)
def test_k_tries_at_failure_p_are_a_geometric_sum_of_attempts(failing: float, attempts: int, asked: float) -> None:
    """(1 - p^k) / (1 - p)."""
    assert attempts_a_call(Guards(retries(attempts)), failing=failing) == pytest.approx(asked, rel=0.02)


@pytest.mark.parametrize(("attempts", "layers", "asked"), [(4, 3, 64), (3, 5, 243)])
def test_layers_multiply(attempts: int, layers: int, asked: int) -> None:
    # A call of the last instant may be still on its way.
    assert through_layers(Guards(retries(attempts)), layers=layers) == pytest.approx(asked, rel=0.01)


@pytest.mark.parametrize("ratio", [0.05, 0.1, 0.2])
def test_with_a_budget_a_full_outage_costs_one_plus_its_ratio(ratio: float) -> None:
    assert attempts_a_call(budgeted(ratio), failing=1.0) == pytest.approx(1 + ratio, rel=0.01)


def test_a_budget_leaves_chance_failures_their_retries() -> None:
    """At 5 % failures a budget of 10 % refuses next to none."""
    assert attempts_a_call(budgeted(0.1), failing=0.05) == pytest.approx(1.0526, rel=0.01)


def test_with_the_retry_throttle_a_full_outage_costs_nothing_more() -> None:
    assert attempts_a_call(GRPC, failing=1.0) == 1.0


def test_the_retry_throttle_stops_after_five_failures_when_a_healthy_dependency_dies() -> None:
    """Ten tokens, retries above five: four failures leave more, and one of those was a call's third and last."""
    record = measure(GRPC, failing=1.0, fails_from_s=100.0)

    assert sum(record.attempts) - sum(record.calls) == 3


@pytest.mark.parametrize(
    ("failing", "least", "most"), [(0.05, 0.95, 1.0), (0.08, 0.5, 1.0), (0.11, 0.0, 0.25), (0.15, 0.0, 0.02)]
)
def test_the_retry_throttle_turns_at_a_failure_share_of_r_by_one_plus_r(
    failing: float, least: float, most: float
) -> None:
    """With r = 0.1 that is 9.1 %: below it nearly every failure has its retry, above it next to none."""
    large = Guards(THREE, allowance=lambda: RetryThrottle(RetryThrottleSettings(max_tokens=100.0)))
    retried = (attempts_a_call(large, failing=failing) - 1.0) / (1.0 / (1.0 - failing) - 1.0)

    assert least <= retried <= most * 1.05
