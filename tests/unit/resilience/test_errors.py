"""The errors of the resilience kit, and the drawing of them."""

import re

import pytest

from resilience import AttemptTimeout, BreakerOpen, BulkheadFull, Rejected, ResilienceError, SettingsError, errors


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
