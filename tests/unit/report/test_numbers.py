"""Figures are written so that nothing they say is changed by rounding."""

import pytest

from chaos.judging.figure_names import Unit
from chaos.report.numbers import bare, change, grouped, interval, quantity, seconds, short_ms


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.34, "share", "34.0 %"),
        (1.0, "share", "100 %"),
        (0.0, "share", "0 %"),
        (3966.4, "ms", "3,966 ms"),
        (23.4, "ms", "23 ms"),
        (7.04, "ms", "7 ms"),
        (2.14, "ms", "2.1 ms"),
        (0.417, "ms", "0.42 ms"),
        (0.0, "ms", "0 ms"),
        (14.0, "s", "14.0 s"),
        (40.25, "per_s", "40.2 /s"),
        (12345, "count", "12,345"),
        (0.5, "ratio", "0.50"),
        (float("nan"), "ms", "-"),
        (float("inf"), "share", "-"),
    ],
)
def test_a_figure_is_written_with_its_unit(value: float, unit: Unit, text: str) -> None:
    assert quantity(value, unit) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.9996, ">99.9 %"), (0.9994, "99.9 %"), (0.0004, "<0.1 %"), (0.0006, "0.1 %")]
)
def test_nearly_all_is_not_all_and_hardly_any_is_not_none(value: float, text: str) -> None:
    """Rounding must not turn 99.96 % into 100 %, nor 0.04 % into nothing."""
    assert quantity(value, "share") == text


def test_thousands_are_apart_and_minus_is_a_minus() -> None:
    assert grouped(-1234567.0, 0) == "\N{MINUS SIGN}1,234,567"


def test_a_zero_after_rounding_has_no_sign() -> None:
    assert grouped(-0.04, 1) == "0.0"


def test_a_difference_of_shares_is_in_points_with_its_sign() -> None:
    assert change(0.225, "share") == "+22.5 points"
    assert change(-0.34, "share") == "\N{MINUS SIGN}34.0 points"
    assert change(-3943.0, "ms") == "\N{MINUS SIGN}3,943 ms"


def test_an_interval_carries_the_sign_of_both_ends() -> None:
    assert interval(-0.011, 0.239, "share") == "[\N{MINUS SIGN}1.1, +23.9]"


def test_a_latency_of_ten_seconds_is_written_in_seconds_where_room_is_short() -> None:
    assert short_ms(10_000) == "10.0 s"
    assert short_ms(9_999) == "9,999 ms"


def test_what_was_not_measured_is_a_dash() -> None:
    assert bare(None, "ms") == "-"


def test_a_length_of_time_has_no_empty_decimal() -> None:
    assert [seconds(20.0), seconds(0.5), seconds(1200.0)] == ["20 s", "0.5 s", "1,200 s"]
