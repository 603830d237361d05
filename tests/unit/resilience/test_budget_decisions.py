"""What the other tests of the retry budget leave open, one mutant of it each."""

from resilience.budget import BudgetSettings, RetryBudget


def test_a_retry_never_sent_gives_back_what_it_cost_and_no_more() -> None:
    """Far from the burst, which would hide a token too many."""
    purse = RetryBudget(BudgetSettings(retry_ratio=0.1, reserve_per_s=0.0, burst=5.0), now=0.0)
    for _ in range(3):
        purse.take(now=0.0)

    purse.give_back()

    assert purse.tokens == 3.0
