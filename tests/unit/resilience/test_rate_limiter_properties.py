"""What holds for the token bucket whatever the calls, the costs and the times."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from resilience.rate_limiter import SLACK_S, RateLimitSettings, TokenBucket

RATES = st.floats(0.01, 10_000)
BURSTS = st.floats(1, 10_000)


class AnyBucket(RuleBasedStateMachine):
    """The model is the list of what was taken and when."""

    @initialize(rate=RATES, burst=BURSTS, now=st.floats(0, 1e6))
    def build(self, rate: float, burst: float, now: float) -> None:
        self.settings = RateLimitSettings(rate, burst)
        self.now = now
        self.bucket = TokenBucket(self.settings, now=now)
        self.taken: list[tuple[float, float]] = []

    def take(self, share: float) -> float:
        cost = share * self.settings.burst
        before = self.bucket.tokens
        wait_s = self.bucket.take(self.now, cost)
        assert wait_s >= 0
        if wait_s == 0.0:
            self.taken.append((self.now, cost))
        else:
            assert self.bucket.tokens >= before
        return wait_s

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(share=st.floats(0.001, 1))
    def somebody_calls(self, share: float) -> None:
        self.take(share)

    @rule(share=st.floats(0.001, 1))
    def somebody_waits_exactly_as_told(self, share: float) -> None:
        wait_s = self.take(share)
        if wait_s:
            self.now += wait_s
            assert self.take(share) == 0.0

    @invariant()
    def tokens_stay_between_0_and_the_burst(self) -> None:
        assert 0 <= self.bucket.tokens <= self.settings.burst

    @invariant()
    def no_interval_saw_more_than_burst_and_rate_allow(self) -> None:
        rate, burst = self.settings.rate_per_s, self.settings.burst
        for first, (since, _) in enumerate(self.taken):
            total = sum(cost for _, cost in self.taken[first:])
            assert total <= (burst + rate * (self.now - since + SLACK_S)) * (1 + 1e-9)


TestAnyBucket = AnyBucket.TestCase


@given(rate=RATES, burst=BURSTS, now=st.floats(0, 1e7), cost=st.floats(0.001, 1))
def test_waiting_exactly_the_time_told_is_enough(rate: float, burst: float, now: float, cost: float) -> None:
    """Also on a clock that has run for months, whose floats are coarse."""
    bucket = TokenBucket(RateLimitSettings(rate, burst), now=now)
    while (wait_s := bucket.take(now, burst * cost)) == 0.0:
        pass

    assert bucket.take(now + wait_s, burst * cost) == 0.0
