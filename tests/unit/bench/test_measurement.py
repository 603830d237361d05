"""The arithmetic of a benchmark line."""

from itertools import count

import pytest

from chaos.bench.measurement import ROUNDS, Measurement, interleaved


def test_value_and_reference_take_turns() -> None:
    """A busy second hits both, since neither has its rounds in one piece."""
    order: list[str] = []

    def take(name: str) -> float:
        order.append(name)
        return 1.0

    interleaved(lambda: take("value"), lambda: take("reference"))

    assert order == ["value", "reference"] * (1 + ROUNDS)


def test_the_first_round_warms_up_and_one_bad_round_moves_nothing() -> None:
    """The medians are of the rounds after the first."""
    values = iter([1000.0, 3.0, 2.0, 500.0, 1.0, 4.0])
    references = count(start=100)

    assert interleaved(lambda: next(values), lambda: float(next(references))) == (3.0, 103.0)


def test_an_entry_of_latest_json_has_exactly_the_promised_keys() -> None:
    """Later tools read name, value, unit, reference, ratio."""
    entry = Measurement("echo, beside a direct connection", 30.0, "us", 12.0).as_json()

    assert entry == {
        "name": "echo, beside a direct connection", "value": 30.0, "unit": "us", "reference": 12.0, "ratio": 2.5,
    }  # fmt: skip


def test_a_reference_of_nothing_is_an_error_and_no_ratio() -> None:
    """A measurement that measured nothing must not look like one."""
    with pytest.raises(ZeroDivisionError):
        Measurement("x", 1.0, "us", 0.0).as_json()
