"""An outage of 10 s, and what ends it: the policies of resilience/ against the figures that they are known for."""

import pytest

from resilience.retry import RetrySettings
from tests.simulation.client import Guards
from tests.simulation.metastable import FULL_S, OUTAGE_ENDS_S, Setup, observe
from tests.simulation.metastable_cases import CASES, Case
from tests.simulation.metastable_policies import Range, budgeted, places, retries
from tests.simulation.seeds import FULL, SEEDS

# Enough to heal in, or to see that it does not.
RULE_S = 115
JITTERED = RetrySettings(3, base_wait_s=0.1, max_wait_s=1.0)
STUBBORN = RetrySettings(10, base_wait_s=0.1, max_wait_s=1.0)


def within(value: float, bounds: Range) -> bool:
    return bounds[0] <= value <= bounds[1]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_ends_as_it_is_known_to(case: Case, seed: int) -> None:
    seconds = FULL_S if FULL else case.seconds
    seen = observe(case.setup, seed=seed, seconds=seconds)

    assert within(seen.goodput_per_s, case.goodput), seen
    assert within(seen.amplification, case.amplification), seen
    if case.recovery is not None:
        earliest_s, latest_s = case.recovery
        # What has not come yet may come later, where the bounds reach past the run.
        not_yet = seen.recovered_after_s is None and latest_s > seconds - OUTAGE_ENDS_S
        assert not_yet or within(seen.recovered_after_s or 0, (earliest_s, latest_s)), seen


@pytest.mark.parametrize(
    "retry", [retries(3), retries(10), JITTERED, STUBBORN], ids=["3", "10", "3 jitter", "10 jitter"]
)
@pytest.mark.parametrize(("timeout_s", "waiting"), [(1.0, 265), (0.5, 125)])
def test_a_queue_shorter_than_the_patience_of_the_callers_heals_itself_whatever_the_retries(
    retry: RetrySettings, timeout_s: float, waiting: int
) -> None:
    """The bound is mu x (timeout - service time), 299 places at 1 s and 149 at 0.5 s, less what chance adds.

    n requests take n / mu, give or take sqrt(n) / mu: n + 2 sqrt(n) must be below. At 290 places one in four full
    queues takes too long, and ten attempts with waits between them hold it there.
    """
    setup = Setup(timeout_s=timeout_s, guards=Guards(retry), queue=places(waiting))

    assert observe(setup, seed=1, seconds=RULE_S).goodput_per_s > 260


@pytest.mark.parametrize(("timeout_s", "waiting"), [(1.0, 350), (1.0, 400), (0.5, 180)])
def test_a_queue_longer_than_their_patience_does_not(timeout_s: float, waiting: int) -> None:
    setup = Setup(timeout_s=timeout_s, guards=Guards(retries(3)), queue=places(waiting))

    assert observe(setup, seed=1, seconds=RULE_S).goodput_per_s < 60


@pytest.mark.skipif(not FULL, reason="half an hour of virtual time; SIMULATIONS=full runs it")
def test_a_budget_of_5_percent_does_end_it_in_the_long_run() -> None:
    """280 calls/s with a budget b are less than 300/s up to b = 7 %; (2926 - 300) / (300 - 294) = 438 s it takes."""
    assert observe(Setup(guards=budgeted(0.05)), seed=1, seconds=900).goodput_per_s > 260
    assert observe(Setup(guards=budgeted(0.10)), seed=1, seconds=900).goodput_per_s < 1
