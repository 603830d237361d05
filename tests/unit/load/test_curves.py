"""How a load changes over a test."""

import pytest

from loadtests.curves import CURVES, users_at


@pytest.mark.parametrize(
    ("curve", "users"),
    [
        ("steady", [20] * 10),
        ("step", [5, 5, 5, 10, 10, 15, 15, 15, 20, 20]),
        ("spike", [2, 2, 2, 2, 20, 20, 2, 2, 2, 2]),
        ("ramp", [1, 3, 5, 7, 9, 10, 12, 14, 16, 18]),
    ],
)
def test_a_curve_has_its_shape(curve: str, users: list[int]) -> None:
    assert [users_at(curve, tenth / 10, 20) for tenth in range(10)] == users


@pytest.mark.parametrize("curve", sorted(CURVES))
def test_there_is_always_somebody_and_never_more_than_asked_for(curve: str) -> None:
    assert {users_at(curve, hundredth / 100, 1) for hundredth in range(100)} == {1}


@pytest.mark.parametrize("curve", sorted(CURVES))
def test_every_curve_reaches_its_peak_and_never_more(curve: str) -> None:
    parts = [CURVES[curve](thousandth / 1000) for thousandth in range(1000)]

    assert max(parts) <= 1
    assert max(parts) == pytest.approx(1, abs=0.001)
    assert min(parts) > 0
