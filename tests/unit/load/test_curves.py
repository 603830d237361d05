"""The number of users over a run."""

import pytest

from loadtests.curves import CURVES


@pytest.mark.parametrize(
    ("curve", "users"),
    [
        ("steady", [20] * 10),
        ("step", [5, 5, 5, 10, 10, 15, 15, 15, 20, 20]),
        ("spike", [2, 2, 2, 2, 20, 20, 2, 2, 2, 2]),
    ],
)
def test_a_curve_has_its_shape(curve: str, users: list[int]) -> None:
    assert [CURVES[curve](tenth / 10, 20) for tenth in range(10)] == users


@pytest.mark.parametrize("curve", sorted(CURVES))
def test_there_is_always_somebody_and_never_more_than_asked_for(curve: str) -> None:
    assert {CURVES[curve](hundredth / 100, 1) for hundredth in range(100)} == {1}
