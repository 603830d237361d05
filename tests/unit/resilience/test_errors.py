"""The errors of the resilience kit, and the drawing of them."""

import re
from typing import Any

import pytest

from resilience import (
    AttemptTimeout,
    BreakerOpen,
    BulkheadFull,
    DeadlineExceeded,
    InProgress,
    KeyReused,
    LimitReached,
    RateLimited,
    Rejected,
    ResilienceError,
    SettingsError,
    Throttled,
    errors,
)


def drawn(text: str) -> list[tuple[int, str]]:
    """Return (depth, name) of every class in a drawing, in its order."""
    return [
        (0 if not match["branch"] else 1 + len(match["bars"]) // 4, match["name"])
        for match in re.finditer(r"^    (?P<bars>(?:\|   )*)(?P<branch>\+-- )?(?P<name>[A-Z]\w+)", text, re.MULTILINE)
    ]


def built(cls: type[ResilienceError], depth: int = 0) -> list[tuple[int, str]]:
    """Return the same of the classes, in the order of their definition."""
    below = [sub for sub in cls.__subclasses__() if sub.__module__ == errors.__name__]
    return [(depth, cls.__name__), *(line for sub in below for line in built(sub, depth + 1))]


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    assert drawn(errors.__doc__ or "") == built(ResilienceError)


def test_every_class_of_the_module_is_in_the_tree() -> None:
    defined = {name for name, value in vars(errors).items() if isinstance(value, type)}

    assert defined == {name for _, name in built(ResilienceError)}


def test_a_refusal_says_who_refused_and_when_to_come_back() -> None:
    error = BreakerOpen("orders_to_postgres", retry_after_s=0.75)

    assert isinstance(error, Rejected)
    assert (error.link, error.policy, error.retry_after_s) == ("orders_to_postgres", "breaker", 0.75)
    assert str(error) == "orders_to_postgres: the circuit breaker is open, try again in 0.75 s"


def test_a_full_bulkhead_does_not_know_when_to_come_back() -> None:
    error = BulkheadFull("orders_to_postgres", "10 calls in flight and 10 waiting")

    assert isinstance(error, Rejected)
    assert (error.policy, error.retry_after_s) == ("bulkhead", None)
    assert str(error) == "orders_to_postgres: 10 calls in flight and 10 waiting"


@pytest.mark.parametrize(
    ("cls", "figures", "policy", "words"),
    [
        (
            DeadlineExceeded,
            {"left_s": 2.0004, "margin_s": 5.0},
            "deadline",
            "2000 ms are left, at least 5000 ms are needed",
        ),
        (LimitReached, {"limit": 7}, "concurrency_limit", "7 calls are in flight, the limit just now"),
        (
            RateLimited,
            {"retry_after_s": 0.25},
            "rate_limiter",
            "the rate limit is used up, try again in 0.25 s",
        ),
        (
            Throttled,
            {"probability": 0.5},
            "throttle",
            "held back, as 50% of the calls are: the dependency refuses too many",
        ),
        (
            InProgress,
            {"retry_after_s": 2.0},
            "idempotency",
            "a call under this key is in progress, ask again in 2 s",
        ),
    ],
)
def test_each_refusal_names_link_policy_and_reason(
    cls: Any, figures: dict[str, float], policy: str, words: str
) -> None:
    error = cls("a_to_b", **figures)

    assert isinstance(error, Rejected)
    assert (error.link, error.policy, error.retry_after_s) == ("a_to_b", policy, figures.get("retry_after_s"))
    assert str(error) == f"a_to_b: {words}"


def test_a_refusal_keeps_the_figure_it_was_made_of() -> None:
    assert DeadlineExceeded("a_to_b", left_s=-0.5, margin_s=0.05).left_s == -0.5
    assert LimitReached("a_to_b", limit=7).limit == 7
    assert Throttled("a_to_b", probability=0.5).probability == 0.5


def test_a_key_that_came_with_another_request_is_no_refusal() -> None:
    """A repeat is no use, so nobody may take it for one that is."""
    error = KeyReused("a_to_b")

    assert not isinstance(error, Rejected)
    assert error.link == "a_to_b"
    assert str(error) == "a_to_b: this idempotency key belongs to another request"


def test_an_attempt_timeout_is_caught_as_a_timeout_error_as_well() -> None:
    with pytest.raises(TimeoutError) as caught:
        raise AttemptTimeout("payments_to_bank", timeout_s=1.0)

    assert isinstance(caught.value, AttemptTimeout)
    assert issubclass(AttemptTimeout, ResilienceError)
    assert (caught.value.link, caught.value.timeout_s) == ("payments_to_bank", 1.0)
    assert str(caught.value) == "payments_to_bank: no answer within 1 s"


def test_a_settings_error_is_caught_as_a_value_error_as_well() -> None:
    assert issubclass(SettingsError, ResilienceError)
    assert issubclass(SettingsError, ValueError)
