"""The faults that a scenario can ask for: on links, from outside, and inside a service."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from chaos.scenario.base import Model
from chaos.scenario.toxics import ToxicType

LinkName = Annotated[str, StringConstraints(pattern=r"^[a-z]+_to_[a-z]+$")]


class Toxic(Model):
    """A toxic on links of every arm, for the whole fault phase. Types, attributes and units are Toxiproxy's.

    `extension`: the type is one that only the embedded Toxiproxy has; it has to be said.
    """

    type: ToxicType
    links: Annotated[tuple[LinkName, ...], Field(min_length=1)]
    stream: Literal["upstream", "downstream"] = "downstream"
    toxicity: Annotated[float, Field(ge=0, le=1)] = 1.0
    attributes: dict[str, Annotated[int, Field(ge=0)]] = {}  # noqa: RUF012 - pydantic gives each value its own
    extension: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        """Return what is hurt."""
        return self.links


class Down(Model):
    """Links of every arm refuse connections for the whole fault phase (Toxiproxy: enabled=false)."""

    type: Literal["down"]
    links: Annotated[tuple[LinkName, ...], Field(min_length=1)]

    @property
    def targets(self) -> tuple[str, ...]:
        """Return what is hurt."""
        return self.links


class SlowCallAttributes(Model):
    """`call_ms`: how long each slow call takes."""

    call_ms: Annotated[int, Field(ge=1, le=60_000)]


class SlowCall(Model):
    """Each reservation of inventory makes one slow call first, as handlers of its kind make calls, in every arm.

    That is switched on inside the service, for it cannot be done from outside.
    """

    type: Literal["slow_call"]
    services: Annotated[tuple[Literal["inventory"], ...], Field(min_length=1, max_length=1)]
    attributes: SlowCallAttributes

    @property
    def links(self) -> tuple[str, ...]:
        """Return no link: none is hurt."""
        return ()

    @property
    def targets(self) -> tuple[str, ...]:
        """Return what is hurt."""
        return self.services


LinkFault = Toxic | Down
Fault = LinkFault | SlowCall
