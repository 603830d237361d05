"""The retry throttle: which share of failures ends the retries."""

from collections.abc import Iterator
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience import SettingsError
from resilience.retry_allowance import RetryAllowance
from resilience.retry_throttle import RetryThrottle, RetryThrottleSettings


def throttle(max_tokens: float = 10, token_ratio: float = 0.1) -> RetryThrottle:
    return RetryThrottle(RetryThrottleSettings(max_tokens, token_ratio))


def test_it_starts_full_and_lets_retries_pass() -> None:
    allowance: RetryAllowance = throttle()

    assert allowance.tokens == 10.0
    assert allowance.take(0.0)


def test_a_failure_costs_one_and_a_success_brings_the_ratio() -> None:
    purse = throttle()

    purse.failed(0.0)
    purse.failed(0.0)
    purse.succeeded(0.0)

    assert purse.tokens == pytest.approx(8.1)


def test_calls_retries_and_retries_never_sent_change_nothing() -> None:
    purse = throttle()
    purse.failed(0.0)

    purse.called(0.0)
    purse.take(0.0)
    purse.give_back()

    assert purse.tokens == 9.0


def test_five_failures_end_the_retries() -> None:
    """10 tokens: after four failures a retry may be sent, after five it may not."""
    purse = throttle()

    allowed = []
    for _ in range(6):
        purse.failed(0.0)
        allowed.append(purse.take(0.0))

    assert allowed == [True, True, True, True, False, False]


def test_exactly_half_is_too_little() -> None:
    purse = throttle(max_tokens=2)
    purse.failed(0.0)

    assert purse.tokens == 1.0
    assert not purse.take(0.0)
    purse.succeeded(0.0)
    assert purse.take(0.0)


def test_after_an_outage_it_takes_successes_to_come_back() -> None:
    """From empty, 5 tokens and a little more: 51 successes at 0.1 each, however many failures there were."""
    purse = throttle()
    for _ in range(1000):
        purse.failed(0.0)
    needed = 0
    while not purse.take(0.0):
        purse.succeeded(0.0)
        needed += 1

    assert needed in {50, 51}  # a tenth is no exact number of the machine's


def attempts(failures: int, of: int) -> Iterator[bool]:
    """Yield attempts for ever, True for a failure, `failures` of every `of`, evenly spread."""
    while True:
        yield from ((number + 1) * failures // of > number * failures // of for number in range(of))


@pytest.mark.parametrize("token_ratio", [0.05, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("above", [True, False])
def test_a_steady_share_of_failures_above_r_over_1_plus_r_ends_them(token_ratio: float, above: bool) -> None:
    """The critical share is 9.1 % for 0.1; a tenth more drains the tokens, a tenth less fills them."""
    critical = token_ratio / (1 + token_ratio)
    failures = round(critical * (1.1 if above else 0.9) * 10_000)
    purse = throttle(token_ratio=token_ratio)

    steady = attempts(failures, 10_000)
    allowed = []
    for _ in range(20_000):
        purse.failed(0.0) if next(steady) else purse.succeeded(0.0)
        allowed.append(purse.take(0.0))

    assert allowed[-1] is not above
    assert any(allowed[-1000:]) is not above
    assert all(allowed) is not above


def test_a_full_outage_adds_nothing_to_the_load() -> None:
    """1000 calls, all failing, each wanting a retry: 4 retries in all."""
    purse = throttle()
    retries = 0
    for _ in range(1000):
        purse.failed(0.0)
        retries += purse.take(0.0)

    assert retries == 4


@given(st.floats(0.1, 1000), st.floats(0.001, 1), st.lists(st.sampled_from("sfctg"), max_size=300))
def test_tokens_stay_between_nought_and_the_maximum(max_tokens: float, token_ratio: float, steps: list[str]) -> None:
    purse = throttle(max_tokens, token_ratio)
    for step in chain(steps, repeat("s", 5), repeat("f", 5)):
        match step:
            case "s":
                purse.succeeded(0.0)
            case "f":
                purse.failed(0.0)
            case "c":
                purse.called(0.0)
            case "t":
                assert purse.take(0.0) is (purse.tokens > max_tokens / 2)
            case _:
                purse.give_back()
        assert 0 <= purse.tokens <= max_tokens


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_tokens": 0}, "RetryThrottleSettings.max_tokens must be more than 0, got 0"),
        ({"max_tokens": 1001}, "RetryThrottleSettings.max_tokens must be at most 1000, got 1001"),
        ({"token_ratio": 0}, "RetryThrottleSettings.token_ratio must be more than 0, got 0"),
        ({"token_ratio": 1.1}, "RetryThrottleSettings.token_ratio must be at most 1, got 1.1"),
    ],
)
def test_nonsense_is_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        RetryThrottleSettings(**changes)

    assert str(caught.value) == message


def test_values_on_their_bounds_are_taken_and_the_defaults_are_grpcs() -> None:
    assert RetryThrottleSettings(1000, 1).token_ratio == 1
    assert (RetryThrottleSettings().max_tokens, RetryThrottleSettings().token_ratio) == (10.0, 0.1)
