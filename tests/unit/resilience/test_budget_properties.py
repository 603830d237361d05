"""The retry budget under any sequence of calls, retries, cancelled waits and pauses."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from resilience import BudgetSettings, RetryBudget


class Purse(RuleBasedStateMachine):
    """Retries <= burst + retry_ratio * calls + reserve_per_s * seconds; tokens from 0 to burst; at every instant."""

    @initialize(ratio=st.floats(0, 1), reserve_per_s=st.floats(0, 10), burst=st.floats(1, 20), now=st.floats(0, 1e6))
    def start(self, ratio: float, reserve_per_s: float, burst: float, now: float) -> None:
        self.settings = BudgetSettings(ratio, reserve_per_s, burst)
        self.purse = RetryBudget(self.settings, now=now)
        self.began = self.now = now
        self.calls = self.retries = 0

    @rule(seconds=st.floats(0, 60))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(times=st.integers(1, 30))
    def calls_are_made(self, times: int) -> None:
        self.calls += times
        for _ in range(times):
            self.purse.called(self.now)

    @rule()
    def an_attempt_ends(self) -> None:
        before = self.purse.tokens
        self.purse.succeeded(self.now)
        self.purse.failed(self.now)
        assert self.purse.tokens == before

    @rule(times=st.integers(1, 30))
    def retries_are_asked_for(self, times: int) -> None:
        for _ in range(times):
            if self.purse.take(self.now):
                self.retries += 1
            else:
                assert self.purse.tokens < 1

    @precondition(lambda self: self.retries > 0)
    @rule()
    def a_wait_is_cancelled(self) -> None:
        self.retries -= 1
        self.purse.give_back()

    @invariant()
    def tokens_are_within_their_bounds(self) -> None:
        assert 0 <= self.purse.tokens <= self.settings.burst

    @invariant()
    def retries_are_within_the_budget(self) -> None:
        earned = self.settings.retry_ratio * self.calls + self.settings.reserve_per_s * (self.now - self.began)
        assert self.retries <= self.settings.burst + earned + 1e-6


Purse.TestCase.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
TestPurse = Purse.TestCase


def test_one_call_in_ten_brings_one_retry() -> None:
    """10 % of the calls, for ever: 10,000 failing calls get 1000 retries and the burst."""
    purse = RetryBudget(BudgetSettings(retry_ratio=0.1, reserve_per_s=0.0, burst=5.0), now=0.0)
    retries = 0
    for _ in range(10_000):
        purse.called(0.0)
        retries += purse.take(0.0)

    assert retries == pytest.approx(1005, abs=1)
