"""What a fault did to one process: part of run.json."""

from typing import Literal

from chaos.scenario.base import Model


class Outage(Model):
    """One process that a fault killed or paused. `arm` is None where all arms share it, `process` its name.

    Seconds after t0. `from_s`: it was dead, or stood still. `back_s`: it was started again, or let go on. `ready_s`: it
    answered as ready at its own door. `same_process` says whether that was the process of before; `began_s` is when
    that process had begun.
    """

    service: str
    arm: str | None
    process: str
    signal: Literal["SIGKILL", "SIGSTOP"]
    from_s: float
    back_s: float
    ready_s: float
    same_process: bool
    began_s: float

    @property
    def down_s(self) -> float:
        """Return how long nobody was served: from the signal until it was ready."""
        return self.ready_s - self.from_s
