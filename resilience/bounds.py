"""Nonsense is refused where it is written down, not hours later under load.

One line a rule in a settings class's __post_init__; the message names the field, the bound and the value.
"""

import math

from resilience.errors import SettingsError


def require(
    owner: object,
    field: str,
    *,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
) -> None:
    """Refuse a field of `owner` that is no finite number, or lies outside the bounds; raises SettingsError."""
    value = getattr(owner, field)
    name = f"{type(owner).__name__}.{field}"
    # True is an int to Python, and never meant as one here.
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SettingsError(f"{name} must be a finite number, got {value!r}")
    if above is not None and not value > above:
        raise SettingsError(f"{name} must be more than {above:g}, got {value!r}")
    if at_least is not None and value < at_least:
        raise SettingsError(f"{name} must be at least {at_least:g}, got {value!r}")
    if at_most is not None and value > at_most:
        raise SettingsError(f"{name} must be at most {at_most:g}, got {value!r}")


def require_whole(owner: object, field: str, *, at_least: int) -> None:
    """Refuse a field of `owner` that is no whole number, or is below `at_least`; raises SettingsError."""
    require(owner, field, at_least=at_least)
    value = getattr(owner, field)
    if not isinstance(value, int):
        raise SettingsError(f"{type(owner).__name__}.{field} must be a whole number, got {value!r}")
