"""The settings of a toxic: read from JSON the way the original reads them, and checked the way it does not."""

import contextlib
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from chaos.toxiproxy.server.bodies import Fields
from chaos.toxiproxy.server.errors import ApiError, bad_body

# More than a century of milliseconds or microseconds; a petabyte; sums of two still fit 64 bits.
ATTRIBUTE_MAX = 10**15


@dataclass(frozen=True)
class Attributes:
    """The settings of a toxic, whole numbers named as in the JSON; the default of each is 0."""

    GO_TYPE: ClassVar[str] = "int64"

    @classmethod
    def read(cls, given: Fields, current: "Attributes | None" = None) -> Self:
        """Return `current` (or the defaults) with the given attributes changed.

        Raises:
            ApiError: an attribute is no number of its kind; the first one in the order of the body.
        """
        names = sorted((one.name for one in fields(cls)), key=given.place)
        return cls(**{name: cls.value(given, name, getattr(current, name, 0)) for name in names})

    @classmethod
    def salvage(cls, given: Fields, current: "Attributes") -> Self:
        """Return `current` with those of the given attributes that can be read, as the original's updates do."""
        values: dict[str, Any] = {}
        for one in fields(cls):
            values[one.name] = getattr(current, one.name)
            with contextlib.suppress(ApiError):
                values[one.name] = cls.value(given, one.name, values[one.name])
        return cls(**values)

    @classmethod
    def value(cls, given: Fields, name: str, default: Any) -> Any:
        """Return one attribute. Raises ApiError."""
        return given.integer(name, default, cls.GO_TYPE)

    def check(self) -> None:
        """Refuse what makes no sense, and what ends the original. Raises ApiError naming the attribute."""
        for one in fields(self):
            refuse_unless_within(one.name, getattr(self, one.name), 0, ATTRIBUTE_MAX)


def refuse_unless_within(name: str, value: float, low: float, high: float) -> None:
    """Raise ApiError unless `low <= value <= high`."""
    if not low <= value <= high:
        raise bad_body(f"attribute {name} must be from {low} to {high}, not {value}")
