"""The toxics of one proxy, and the live links that feel them change."""

from typing import Any

from chaos.toxiproxy.server.bodies import Fields, first_value
from chaos.toxiproxy.server.errors import ApiError, Problem
from chaos.toxiproxy.server.link import Link
from chaos.toxiproxy.server.toxics import TYPES
from chaos.toxiproxy.server.toxics.base import Toxic

STREAMS = ("upstream", "downstream")
# How the original's messages name what an update is read into.
_UPDATE = (
    r'value of type struct { Attributes interface {} "json:\"attributes\""; Toxicity float32 "json:\"toxicity\"" }'
)


class ToxicChain:
    """Toxics in their order of creation, for each stream. Names are unique over both."""

    def __init__(self) -> None:
        self.toxics: dict[str, list[Toxic]] = {stream: [] for stream in STREAMS}
        # A dict keeps the order of connecting, which makes a seeded run repeat its rolls.
        self._links: dict[str, dict[Link, None]] = {stream: {} for stream in STREAMS}

    def attach(self, links: dict[str, Link]) -> None:
        """Let changes reach these links of a connection."""
        for stream, link in links.items():
            self._links[stream][link] = None

    def detach(self, links: dict[str, Link]) -> None:
        """Forget the links of a connection."""
        for stream, link in links.items():
            self._links[stream].pop(link, None)

    def as_json(self) -> list[dict[str, Any]]:
        """Return all toxics, upstream first."""
        return [toxic.as_json() for stream in STREAMS for toxic in self.toxics[stream]]

    def get(self, name: str) -> Toxic:
        """Return a toxic by name. Raises ApiError when there is none."""
        for stream in STREAMS:
            for toxic in self.toxics[stream]:
                if toxic.name == name:
                    return toxic
        raise ApiError(Problem.TOXIC_NOT_FOUND)

    def add(self, body: bytes) -> Toxic:
        """Create a toxic from a request body; live connections feel it at once.

        Raises:
            ApiError: body, stream, type, name, attributes, checked in the order of the original.
        """
        value = first_value(body)
        given = Fields.of(value, owner="ToxicWrapper", target="value of type toxics.ToxicWrapper")
        stream, kind = given.text("stream", "downstream"), given.text("type", "")
        name = given.text("name", "") or f"{kind}_{stream}"
        toxicity = given.real("toxicity", 1.0)
        given.nested("attributes", owner="", go_type="toxics.NoopToxic")
        if stream.lower() not in STREAMS:
            raise ApiError(Problem.INVALID_STREAM)
        if kind not in TYPES:
            raise ApiError(Problem.INVALID_TOXIC_TYPE)
        if any(toxic.name == name for stream_ in STREAMS for toxic in self.toxics[stream_]):
            raise ApiError(Problem.TOXIC_EXISTS)
        go_name = TYPES[kind].go_name
        attributes = given.nested("attributes", owner=f"{go_name}.attributes", go_type=f"toxics.{go_name}")
        toxic = Toxic(name, kind, stream, toxicity, TYPES[kind].attributes.read(attributes))
        self.toxics[stream.lower()].append(toxic)
        for link in list(self._links[stream.lower()]):
            link.add(toxic)
        return toxic

    def update(self, name: str, body: bytes) -> Toxic:
        """Change the attributes and toxicity that the body names; everything else in it is ignored.

        Raises:
            ApiError: no such toxic, or a body that cannot be used; nothing has been changed.
        """
        toxic = self.get(name)
        given = Fields.of(first_value(body), owner="", target=_UPDATE)
        go_name = TYPES[toxic.type].go_name
        attributes = given.nested("attributes", owner=f"{go_name}.attributes", go_type=f"toxics.{go_name}")
        changed = TYPES[toxic.type].attributes.read(attributes, toxic.attributes)
        toxic.toxicity, toxic.attributes = given.real("toxicity", toxic.toxicity), changed
        for link in list(self._links[toxic.stream.lower()]):
            link.update(toxic)
        return toxic

    def remove(self, name: str) -> None:
        """Take a toxic out. Raises ApiError when there is none."""
        toxic = self.get(name)
        stream = toxic.stream.lower()
        self.toxics[stream].remove(toxic)
        for link in list(self._links[stream]):
            link.remove(toxic)

    def clear(self) -> None:
        """Take every toxic out."""
        for toxic in [toxic for stream in STREAMS for toxic in self.toxics[stream]]:
            self.remove(toxic.name)
