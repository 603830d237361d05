"""Request bodies, read the way Go's encoding/json reads them: clients were written against that reader.

Names match without regard to case, unknown names are ignored, null keeps the default, text after the first value is
ignored, and a number with a point is no integer.
"""

import json
import math
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chaos.toxiproxy.server.errors import ApiError, bad_body
from chaos.toxiproxy.server.syntax import syntax_error

INT64 = range(-(2**63), 2**63)
_SURROGATE = re.compile("[\\ud800-\\udfff]")


class _Literal(float):
    """A number that is not an integer; its text is kept for the message."""

    text: str


def _real(text: str) -> _Literal:
    value = _Literal(text)
    value.text = text
    return value


class _NoConstantError(Exception):
    """NaN or Infinity: JSON to Python, none to Go."""


def _no_constant(text: str) -> None:
    raise _NoConstantError(text)


_DECODER = json.JSONDecoder(parse_float=_real, parse_constant=_no_constant)


def first_value(body: bytes) -> Any:
    """Return the first JSON value of a body.

    Raises:
        ApiError: nothing there, cut off, or no JSON.
    """
    text = body.decode(errors="replace").lstrip(" \t\r\n")
    if not text:
        raise bad_body("EOF")
    try:
        return _DECODER.raw_decode(text)[0]
    except (json.JSONDecodeError, _NoConstantError):
        raise syntax_error(body) from None
    except (RecursionError, ValueError):
        raise bad_body("exceeded max depth") from None


def kind(value: object) -> str:
    """Return what Go calls the type of a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def mismatch(value: object, target: str) -> ApiError:
    """Return the error of a value that does not fit its target."""
    return bad_body(f"json: cannot unmarshal {kind(value)} into Go {target}")


@dataclass(frozen=True)
class Fields:
    """The fields of one JSON object. `owner` is how messages name the structure, e.g. `Proxy`."""

    values: Mapping[str, Any]
    owner: str

    @classmethod
    def of(cls, value: object, *, owner: str, target: str) -> "Fields":
        """Return the fields of an object; null has none. Raises ApiError for anything else."""
        if value is None:
            return cls({}, owner)
        if not isinstance(value, dict):
            raise mismatch(value, target)
        return cls({name.lower(): item for name, item in value.items()}, owner)

    def _field(self, name: str, go_type: str) -> str:
        return f"struct field {self.owner}.{name} of type {go_type}"

    def _bad_number(self, value: object, name: str, go_type: str) -> ApiError:
        written = value.text if isinstance(value, _Literal) else value
        return bad_body(f"json: cannot unmarshal number {written} into Go {self._field(name, go_type)}")

    def place(self, name: str) -> int:
        """Return where in the object a field stands, for reading fields in the order of the body."""
        return next((place for place, given in enumerate(self.values) if given == name), len(self.values))

    def check(self, readers: Mapping[str, Callable[[], object]]) -> None:
        """Call the reader of each field that is there, in the order of the body: the first error is the one told."""
        for name in sorted(readers, key=self.place):
            readers[name]()

    def text(self, name: str, default: str) -> str:
        """Return a string field."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise mismatch(value, self._field(name, "string"))
        # Half a surrogate pair cannot be sent back as UTF-8; Go replaces it too.
        return default if value is None else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a boolean field."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise mismatch(value, self._field(name, "bool"))
        return default if value is None else value

    def integer(self, name: str, default: int, go_type: str = "int64") -> int:
        """Return a 64-bit integer field; 1.5 and 5.0 are refused."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and value in INT64:
            return value
        if kind(value) == "number":
            raise self._bad_number(value, name, go_type)
        raise mismatch(value, self._field(name, go_type))

    def double(self, name: str, default: float) -> float:
        """Return a number field in double precision."""
        value = self.values.get(name)
        if value is None:
            return default
        if kind(value) != "number":
            raise mismatch(value, self._field(name, "float64"))
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isinf(number):
            raise self._bad_number(value, name, "float64")
        return number

    def real(self, name: str, default: float) -> float:
        """Return a number field in single precision, which is what the original keeps and prints."""
        value = self.values.get(name)
        if value is None:
            return default
        if kind(value) != "number":
            raise mismatch(value, self._field(name, "float32"))
        try:
            return single_precision(float(value))
        except OverflowError:
            raise self._bad_number(value, name, "float32") from None

    def nested(self, name: str, *, owner: str, go_type: str) -> "Fields":
        """Return the fields of an object field; absent or null has none."""
        return Fields.of(self.values.get(name.lower()), owner=owner, target=self._field(name, go_type))


def single_precision(value: float) -> float:
    """Return the shortest decimal that is the same 32-bit float, so that 0.2 prints as 0.2.

    Raises:
        OverflowError: too large for 32 bits.
    """
    if math.isinf(value):
        raise OverflowError
    (rounded,) = struct.unpack("<f", struct.pack("<f", value))
    for digits in range(1, 10):
        candidate = float(f"{rounded:.{digits}g}")
        if struct.pack("<f", candidate) == struct.pack("<f", rounded):
            return candidate
    return float(rounded)
