"""Toxics read from request bodies: what is looked at, in which order, with which words."""

from collections.abc import Collection
from dataclasses import dataclass

from chaos.toxiproxy.server.bodies import Fields
from chaos.toxiproxy.server.errors import ApiError, Problem, bad_body
from chaos.toxiproxy.server.toxics import TYPES
from chaos.toxiproxy.server.toxics.attributes import Attributes
from chaos.toxiproxy.server.toxics.base import Toxic

STREAMS = ("upstream", "downstream")
# A month: longer than any lab runs, and no more than an event loop's timer takes.
TTL_MAX_S = 2_592_000.0
# The door is the kernel's: it treats all clients alike.
WHOLE_DOOR = ("refuse", "connect_hang")
# How the original's messages name what an update is read into.
_UPDATE = (
    r'value of type struct { Attributes interface {} "json:\"attributes\""; Toxicity float32 "json:\"toxicity\"" }'
)


def read_new(value: object, taken: Collection[str], *, strict: bool) -> Toxic:
    """Return the toxic that a JSON value describes.

    Raises:
        ApiError: body, stream, type, name (one of `taken`), attributes, checked in the order of the original.
    """
    given = Fields.of(value, owner="ToxicWrapper", target="value of type toxics.ToxicWrapper")
    given.check(
        {
            "name": lambda: given.text("name", ""),
            "type": lambda: given.text("type", ""),
            "stream": lambda: given.text("stream", ""),
            "toxicity": lambda: given.real("toxicity", 1.0),
            "attributes": lambda: given.nested("attributes", owner="", go_type="toxics.NoopToxic"),
        }
    )
    stream, kind = given.text("stream", "downstream"), given.text("type", "")
    name = given.text("name", "") or f"{kind}_{stream}"
    if stream.lower() not in STREAMS:
        raise ApiError(Problem.INVALID_STREAM)
    if kind not in TYPES or (strict and TYPES[kind].origin != "released"):
        raise ApiError(Problem.INVALID_TOXIC_TYPE)
    if name in taken:
        raise ApiError(Problem.TOXIC_EXISTS)
    toxicity, attributes = given.real("toxicity", 1.0), TYPES[kind].attributes.read(_attributes(given, kind))
    if strict:
        return Toxic(name, kind, stream, toxicity, attributes)
    check(kind, toxicity, attributes)
    return Toxic(name, kind, stream, toxicity, attributes, read_ttl_s(given, 0.0))


def check(kind: str, toxicity: float, attributes: Attributes) -> None:
    """Refuse what the original takes and should not. Raises ApiError."""
    attributes.check()
    if not 0 <= toxicity <= 1:
        raise bad_body(f"toxicity must be from 0 to 1, not {toxicity:g}")
    if kind in WHOLE_DOOR and toxicity != 1:
        raise bad_body(f"toxicity of {kind} must be 1, not {toxicity:g}: it treats all new connections alike")


def read_ttl_s(given: Fields, default: float) -> float:
    """Return the seconds after which the toxic takes itself out; 0 is never. Raises ApiError."""
    ttl_s = given.double("ttl_s", default)
    if not 0 <= ttl_s <= TTL_MAX_S:
        raise bad_body(f"ttl_s must be from 0 to {TTL_MAX_S:g} seconds, not {ttl_s:g}")
    return ttl_s


@dataclass(frozen=True)
class Update:
    """The body of an update, beside the toxic that it is about."""

    given: Fields
    toxic: Toxic

    @classmethod
    def of(cls, value: object, toxic: Toxic) -> "Update":
        """Return what a JSON value asks for. Raises ApiError unless it is an object."""
        return cls(Fields.of(value, owner="", target=_UPDATE), toxic)

    @property
    def renews_only(self) -> bool:
        """Say whether nothing but the ttl_s is named."""
        return "ttl_s" in self.given.values and not {"attributes", "toxicity"} & set(self.given.values)

    def read(self) -> tuple[float, Attributes]:
        """Return the toxicity and attributes that the toxic is to have. Raises ApiError, the body's first."""
        self.given.check({"attributes": self._read_attributes, "toxicity": self._toxicity})
        return self._toxicity(), self._read_attributes()

    def salvaged(self) -> Attributes:
        """Return the toxic's attributes with those changed that can be read. Raises ApiError if none can."""
        return TYPES[self.toxic.type].attributes.salvage(
            _attributes(self.given, self.toxic.type), self.toxic.attributes
        )

    def _toxicity(self) -> float:
        return self.given.real("toxicity", self.toxic.toxicity)

    def _read_attributes(self) -> Attributes:
        kind = self.toxic.type
        return TYPES[kind].attributes.read(_attributes(self.given, kind), self.toxic.attributes)


def _attributes(given: Fields, kind: str) -> Fields:
    go_name = TYPES[kind].go_name
    return given.nested("attributes", owner=f"{go_name}.attributes", go_type=f"toxics.{go_name}")
