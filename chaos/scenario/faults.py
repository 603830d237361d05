"""The faults that a scenario can ask for: on links, from outside, inside a service, and to a whole process."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from chaos.scenario.base import Model
from chaos.scenario.toxics import ToxicType

ServiceName = Annotated[str, StringConstraints(pattern=r"^[a-z]+$")]
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


class KillAttributes(Model):
    """`down_ms`: how long until the process is started again; without it, until the fault phase ends."""

    down_ms: Annotated[int, Field(ge=1, le=600_000)] | None = None


class _ProcessFault(Model):
    """Something done to the processes of services: of every arm, or once where the arms share one (postgres)."""

    services: Annotated[tuple[ServiceName, ...], Field(min_length=1)]

    @property
    def links(self) -> tuple[str, ...]:
        """Return no link: what is hurt stands behind them."""
        return ()

    @property
    def targets(self) -> tuple[str, ...]:
        """Return what is hurt."""
        return self.services


class Kill(_ProcessFault):
    """SIGKILL at the beginning of the fault phase; started again on the data that the process had left."""

    type: Literal["kill"]
    attributes: KillAttributes = KillAttributes()


class Pause(_ProcessFault):
    """SIGSTOP for the whole fault phase, then SIGCONT: the process is there, and answers nothing."""

    type: Literal["pause"]


class MessagesAttributes(Model):
    """`poison`: messages that nobody can read. `repeated`: the newest messages of the topic, written once more."""

    poison: Annotated[int, Field(ge=0, le=1_000)] = 0
    repeated: Annotated[int, Field(ge=0, le=10_000)] = 0

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.poison + self.repeated:
            raise ValueError("give poison or repeated, or both")
        return self


class Messages(Model):
    """Written into a topic of every arm as the fault phase begins, past Toxiproxy; nothing takes them back."""

    type: Literal["messages"]
    topics: Annotated[tuple[Literal["orders"], ...], Field(min_length=1, max_length=1)]
    attributes: MessagesAttributes

    @property
    def links(self) -> tuple[str, ...]:
        """Return no link: none is hurt."""
        return ()

    @property
    def targets(self) -> tuple[str, ...]:
        """Return what is hurt: who reads the topic finds it there."""
        return self.topics


LinkFault = Toxic | Down
ProcessFault = Kill | Pause
Fault = LinkFault | SlowCall | ProcessFault | Messages
