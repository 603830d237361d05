"""The breaker's own settings: nonsense is refused at construction, by field, bound and value."""

import math
from typing import Any

import pytest

from resilience.breaker_machine import BreakerSettings
from resilience.errors import SettingsError
from resilience.windows import ConsecutiveFailures


def build(**changes: Any) -> BreakerSettings:
    return BreakerSettings(**{"window": ConsecutiveFailures(5), "open_s": 2.0, "probes": 1, **changes})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"window": 5}, "window must be a window of resilience.windows, got 5"),
        ({"window": None}, "window must be a window of resilience.windows, got None"),
        ({"open_s": 0}, "open_s must be more than 0, got 0"),
        ({"open_s": math.inf}, "open_s must be a finite number, got inf"),
        ({"probes": 0}, "probes must be at least 1, got 0"),
        ({"probes": 1.5}, "probes must be a whole number, got 1.5"),
        ({"open_factor": 0.9, "open_max_s": 9}, "open_factor must be at least 1, got 0.9"),
        ({"open_factor": math.inf, "open_max_s": 9}, "open_factor must be a finite number, got inf"),
        ({"open_max_s": 1.9}, "open_max_s must be at least 2, got 1.9"),
        ({"open_factor": 2.0, "open_max_s": math.inf}, "open_max_s must be a finite number, got inf"),
        ({"open_factor": 1.1}, "open_factor is more than 1 without open_max_s: it would grow for ever"),
    ],
)
def test_nonsense_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        build(**fields)

    assert str(caught.value) == f"BreakerSettings.{message}"


@pytest.mark.parametrize(
    "fields",
    [
        {"open_s": 0.001, "probes": 1},
        {"open_factor": 1},
        {"open_factor": 1, "open_max_s": 2.0},
        {"open_factor": 10.0, "open_max_s": 2.0},
    ],
)
def test_a_value_on_its_bound_is_taken(fields: dict[str, object]) -> None:
    settings = build(**fields)

    assert {name: getattr(settings, name) for name in fields} == fields


def test_by_default_the_open_time_does_not_grow() -> None:
    assert (build().open_factor, build().open_max_s) == (1.0, None)
