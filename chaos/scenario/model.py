"""A scenario is a value: a question, load, faults, arms and what is expected of them. No functions inside.

`chaos.scenario.file` reads one from YAML; everything that runs, judges or draws takes this model.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from chaos.scenario.base import Model
from chaos.scenario.faults import Fault, Kill, Pause
from chaos.scenario.parts import Part

Phase = Literal["settle", "baseline", "fault", "recovery"]
Kind = Literal["checkout", "browse", "list", "product", "search"]
Handler = Literal["async", "def", "blocking"]

KINDS: tuple[Kind, ...] = ("checkout", "browse", "list", "product", "search")
JUDGED_PHASES: tuple[Phase, ...] = ("baseline", "fault", "recovery")
MAX_ARMS = 3

ARM_PATTERN = r"^[a-z][a-z0-9-]{0,30}$"
ArmName = Annotated[str, StringConstraints(pattern=ARM_PATTERN)]


class Arm(Model):
    """One copy of the shop. A plain string in the file means an arm named after its profile.

    `handler` is how inventory's handlers are written that reach the database.
    """

    name: ArmName
    profile: str
    handler: Handler = "async"


class Load(Model):
    """Open Poisson arrivals. Every arrival goes to every arm.

    A `list` asks for the assortment, which needs nothing that a fault may hurt; a `product` asks catalog for the one
    that everybody looks at, a `search` for what is near to a few words.
    `repeat_share` of the checkouts is sent again within a second under the same key, as by a double click, and on top
    of `checkout_per_s`: only then can anything be doubled. `in_time_s` is what a customer calls served; `patience_s` is
    when the customer gives up.
    """

    checkout_per_s: Annotated[float, Field(ge=0, le=500)]
    browse_per_s: Annotated[float, Field(ge=0, le=500)]
    list_per_s: Annotated[float, Field(ge=0, le=500)] = 0
    product_per_s: Annotated[float, Field(ge=0, le=500)] = 0
    search_per_s: Annotated[float, Field(ge=0, le=500)] = 0
    repeat_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    in_time_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    patience_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = 2_000

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds of request that are asked for at all."""
        return tuple(kind for kind in KINDS if getattr(self, f"{kind}_per_s") > 0)

    @property
    def looking(self) -> Kind:
        """Return the kind of those who only look that is shown where there is room for one."""
        return next((kind for kind in self.kinds if kind != "checkout"), "browse")

    @model_validator(mode="after")
    def _patience_covers_in_time(self) -> Self:
        if self.patience_s < self.in_time_s:
            raise ValueError(f"patience_s ({self.patience_s}) must be at least in_time_s ({self.in_time_s})")
        return self


class Phases(Model):
    """Seconds of each phase, in their order.

    `drain_s` bounds the wait for pending work after the load has ended. At least 2 s: every service is asked once more
    whether it is at rest, the recorder asks each half second and waits 0.4 s for an answer, and one answer may be
    missed. A shorter drain would call a shop at rest busy, and its ledger would be read while orders are under way.
    """

    settle_s: Annotated[float, Field(ge=0, le=600)] = 3
    baseline_s: Annotated[float, Field(gt=0, le=600)] = 15
    fault_s: Annotated[float, Field(gt=0, le=600)] = 20
    recovery_s: Annotated[float, Field(gt=0, le=600)] = 25
    drain_s: Annotated[float, Field(ge=2, le=600)] = 15

    @property
    def load_s(self) -> float:
        """Return how long arrivals go on: settle to the end of recovery."""
        return self.settle_s + self.baseline_s + self.fault_s + self.recovery_s

    def window(self, phase: Phase) -> tuple[float, float]:
        """Return (from_s, to_s) of a phase, in seconds after the first possible arrival."""
        start = 0.0
        for name in ("settle", "baseline", "fault", "recovery"):
            end = start + float(getattr(self, f"{name}_s"))
            if name == phase:
                return start, end
            start = end
        raise ValueError(f"no such phase: {phase}")


class Expectation(Model):
    """One figure of one arm in one phase, and its bound. Exactly one of `at_least` and `at_most` is given."""

    arm: ArmName
    phase: Literal["baseline", "fault", "recovery"]
    figure: str
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give exactly one of at_least and at_most")
        return self


class Scenario(Model):
    """One file of chaos/scenarios, validated.

    `needs`: the parts of the shop that are started for it beside what is always there.
    `no_difference`: the arms must not differ, as in a control without a fault. Arms of one profile (A/A) never may.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    question: str
    arithmetic: str = ""
    arms: Annotated[tuple[Arm, ...], Field(min_length=1, max_length=MAX_ARMS)]
    needs: tuple[Part, ...] = ()
    load: Load
    phases: Phases = Phases()
    faults: tuple[Annotated[Fault, Field(discriminator="type")], ...] = ()
    expect: tuple[Expectation, ...] = ()
    no_difference: bool = False

    @property
    def one_profile(self) -> bool:
        """Say whether several arms run under one and the same profile and kind of handler: an A/A run."""
        return len(self.arms) > 1 and len({(arm.profile, arm.handler) for arm in self.arms}) == 1

    @property
    def must_not_differ(self) -> bool:
        """Say whether this run has to show that its arms do not differ."""
        return self.one_profile or (self.no_difference and len(self.arms) > 1)

    @property
    def faulted_processes(self) -> tuple[str, ...]:
        """Return the services whose processes some fault kills or pauses, each once, in the order of the file."""
        faults = [fault for fault in self.faults if isinstance(fault, Kill | Pause)]
        return tuple(dict.fromkeys(service for fault in faults for service in fault.services))

    @property
    def faulted_links(self) -> tuple[str, ...]:
        """Return the links that some fault touches, each once, in the order of the file."""
        return tuple(dict.fromkeys(link for fault in self.faults for link in fault.links))
