"""What a number must be to be a setting; the settings' own bounds are in test_settings.py and beside each policy."""

import math
from dataclasses import dataclass

import pytest

from resilience.bounds import require, require_whole
from resilience.errors import SettingsError


@dataclass(frozen=True)
class Tank:
    litres: object


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, "1", None, True])
def test_only_a_finite_number_is_one(value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        require(Tank(value), "litres")

    assert str(caught.value) == f"Tank.litres must be a finite number, got {value!r}"


@pytest.mark.parametrize(
    ("value", "bounds", "words"),
    [
        (2, {"above": 2}, "more than 2, got 2"),
        (1.5, {"at_least": 2}, "at least 2, got 1.5"),
        (2.5, {"at_most": 2}, "at most 2, got 2.5"),
    ],
)
def test_a_number_outside_is_refused(value: float, bounds: dict[str, float], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        require(Tank(value), "litres", **bounds)

    assert str(caught.value) == f"Tank.litres must be {words}"


@pytest.mark.parametrize(("value", "bounds"), [(2.001, {"above": 2}), (2, {"at_least": 2, "at_most": 2}), (-1e9, {})])
def test_a_number_inside_is_taken(value: float, bounds: dict[str, float]) -> None:
    require(Tank(value), "litres", **bounds)


@pytest.mark.parametrize(
    ("value", "words"),
    [(2.0, "a whole number, got 2.0"), (1, "at least 2, got 1"), (True, "a finite number, got True")],
)
def test_a_count_is_whole(value: object, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        require_whole(Tank(value), "litres", at_least=2)

    assert str(caught.value) == f"Tank.litres must be {words}"


def test_a_count_on_its_bound_is_taken() -> None:
    require_whole(Tank(2), "litres", at_least=2)
