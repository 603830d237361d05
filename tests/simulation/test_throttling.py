"""Adaptive throttling sends K requests for each one that is accepted, and what saying no costs decides K."""

import pytest

from tests.simulation.throttling import accepted_in_theory, flow


@pytest.mark.parametrize(("ratio", "sent"), [(2.0, 200.1), (1.5, 150.1), (1.1, 110.1)])
def test_of_a_demand_of_ten_times_the_capacity_k_times_the_capacity_is_sent(ratio: float, sent: float) -> None:
    seen = flow(ratio, refusal_cost=0.0)

    assert seen.sent_per_s == pytest.approx(sent, rel=0.015)
    assert seen.accepted_per_s == pytest.approx(100.0, rel=0.005)


@pytest.mark.parametrize(("ratio", "accepted"), [(2.0, 76.9), (1.1, 97.1)])
def test_a_refusal_that_costs_leaves_c_by_one_plus_k_minus_one_times_the_cost(ratio: float, accepted: float) -> None:
    assert accepted_in_theory(ratio, 0.3) == pytest.approx(accepted, abs=0.05)
    assert flow(ratio, refusal_cost=0.3).accepted_per_s == pytest.approx(accepted, rel=0.01)


def test_without_throttling_the_server_does_nothing_but_refuse() -> None:
    """1000 refusals of 0.3 are 300 a second, three times what it can do."""
    assert flow(None, refusal_cost=0.3).accepted_per_s == 0.0
