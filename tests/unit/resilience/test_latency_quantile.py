"""The quantile of the last durations is exact, whatever comes."""

import math
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.errors import SettingsError
from resilience.latency_quantile import LatencyQuantile, QuantileSettings


@pytest.mark.parametrize(
    ("quantile", "window", "enough"),
    [
        (0.01, 100, 25),
        (0.5, 100, 25),
        (0.8, 100, 25),
        (0.9, 200, 50),
        (0.93, 286, 71),
        (0.95, 400, 100),
        (0.99, 2000, 500),
    ],
)
def test_a_window_has_twenty_above_the_quantile_and_five_are_enough_to_begin(
    quantile: float, window: int, enough: int
) -> None:
    chosen = QuantileSettings(quantile)
    assert (chosen.window, chosen.enough) == (window, enough)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "QuantileSettings.quantile must be more than 0, got 0"),
        (0.991, "QuantileSettings.quantile must be at most 0.99, got 0.991"),
    ],
)
def test_nonsense_is_refused(value: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        QuantileSettings(value)


def test_nothing_is_told_until_there_is_enough() -> None:
    latency = LatencyQuantile(QuantileSettings(0.5))
    for _ in range(24):
        latency.add(1.0)
        assert latency.value_s is None
    latency.add(1.0)
    assert latency.value_s == 1.0


def test_of_a_hundred_durations_the_ninety_fifth_is_the_95th_percentile() -> None:
    latency = LatencyQuantile(QuantileSettings(0.95))
    for number in range(100, 0, -1):
        latency.add(float(number))
    assert latency.value_s == 95.0


def test_what_is_older_than_the_window_is_forgotten() -> None:
    latency = LatencyQuantile(QuantileSettings(0.5))
    for _ in range(100):
        latency.add(9.0)
    for _ in range(50):
        latency.add(1.0)
    assert latency.value_s == 1.0, "half of the window is below or equal"
    for _ in range(50):
        latency.add(2.0)
    for _ in range(51):
        latency.add(3.0)
    assert latency.value_s == 3.0


def test_the_oldest_goes_first() -> None:
    """Half of a full window is short. When the oldest, a short one, gives way to a long one, the median is long."""
    latency = LatencyQuantile(QuantileSettings(0.5))
    for duration_s in [0.0, 9.0, *[0.0] * 49, *[9.0] * 49]:
        latency.add(duration_s)
    assert latency.value_s == 0.0
    latency.add(9.0)
    assert latency.value_s == 9.0


def test_memory_is_bounded_by_the_window() -> None:
    latency = LatencyQuantile(QuantileSettings(0.9))
    sizes = set()
    for number in range(1000):
        latency.add(number % 7 / 10)
        if number >= 500:
            sizes.add((len(latency._by_age), len(latency._by_size)))
    assert sizes == {(200, 200)}


DURATIONS = st.floats(0.0, 100.0) | st.sampled_from([0.0, 0.001, 0.1, 0.1 + sys.float_info.epsilon])


@settings(deadline=None)
@given(st.sampled_from([0.01, 0.3, 0.5, 0.77, 0.8, 0.9, 0.95]), st.lists(DURATIONS, min_size=20, max_size=450))
def test_it_is_the_quantile_of_the_last_window_sorted(quantile: float, durations: list[float]) -> None:
    chosen = QuantileSettings(quantile)
    latency = LatencyQuantile(chosen)
    for number, duration_s in enumerate(durations, start=1):
        latency.add(duration_s)
        held = sorted(durations[max(0, number - chosen.window) : number])
        expected = held[math.ceil(quantile * len(held)) - 1] if number >= chosen.enough else None
        assert latency.value_s == expected
