"""How a call ended: what counts against a dependency and what does not."""

import asyncio

import pytest

from resilience import AttemptTimeout, BreakerOpen, Failures, Outcome, judge


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ConnectionResetError(), Outcome.FAILURE),
        (LookupError("no such order"), Outcome.SUCCESS),
        (AttemptTimeout("link", timeout_s=1), Outcome.FAILURE),
        (BreakerOpen("link", retry_after_s=1), Outcome.REJECTED),
        (asyncio.CancelledError(), Outcome.ABANDONED),
        (KeyboardInterrupt(), Outcome.ABANDONED),
        (GeneratorExit(), Outcome.ABANDONED),
    ],
)
def test_the_kind_of_error_decides(error: BaseException, outcome: Outcome, failures: Failures) -> None:
    assert judge(error, failures) is outcome


def test_a_refusal_never_counts_whatever_failures_says() -> None:
    assert judge(BreakerOpen("link", retry_after_s=1), lambda _error: True) is Outcome.REJECTED


def test_an_attempt_timeout_always_counts_whatever_failures_says() -> None:
    assert judge(AttemptTimeout("link", timeout_s=1), lambda _error: False) is Outcome.FAILURE


def test_a_cancellation_never_counts_whatever_failures_says() -> None:
    assert judge(asyncio.CancelledError(), lambda _error: True) is Outcome.ABANDONED
