"""What the runner tells a terminal, whichever kind it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from chaos.errors import LabError
from chaos.run import Component, Run
from chaos.scenario import Kind, Scenario


@dataclass(frozen=True, slots=True)
class ArmFrame:
    """One arm in the second that has just passed; None where there is nothing to show.

    `checkout_per_s` counts checkouts answered in time, `browse_share` is the share of those who only look that were
    answered in time (0 to 1), `waiting` counts calls that wait for a database connection, `breaker` is a word or two
    (`open 1.2 s`).
    """

    name: str
    checkout_per_s: float | None
    checkout_p95_ms: float | None
    browse_share: float | None
    browse_p95_ms: float | None
    waiting: int | None
    breaker: str = "-"
    # Who only looks: their kind, `browse`, or `list` where nobody browses.
    looking: Kind = "browse"


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """All arms at `t_s` of `total_s` seconds of load."""

    t_s: float
    total_s: float
    arms: tuple[ArmFrame, ...]


class Terminal(Protocol):
    """Shows a run to whoever started it. No method raises because the terminal is odd, closed or gone.

    Used as a context manager: leaving the block gives the terminal back, whatever has happened.
    """

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back."""

    def starting(self, scenario: Scenario, seed: int) -> None:
        """Say which question is asked."""

    def ready(self, ready_s: float, components: Sequence[Component], n_services: int) -> None:
        """Say what was started, and how long it took."""

    def phase(self, name: str, from_s: float, to_s: float) -> None:
        """Say that a phase begins; times are seconds after t0."""

    def live(self, frame: LiveFrame) -> None:
        """Show the arms as they are now."""

    def note(self, text: str) -> None:
        """Say something by the way."""

    def finished(self, run: Run, folder: Path) -> None:
        """Show the verdict and what to do with it; `folder` is the run's."""

    def error(self, error: LabError) -> None:
        """Say what is wrong."""
