"""The plainest server there is, to hold the engine against queueing theory before anything is believed of it."""

from collections import deque
from dataclasses import dataclass, field

from tests.simulation.engine import Simulation


@dataclass(slots=True)
class Tally:
    """What was seen after the warm-up: times in the system, refusals, and the integral of the number in the system."""

    arrived: int = 0
    refused: int = 0
    times_s: list[float] = field(default_factory=list)
    area: float = 0.0

    @property
    def mean_s(self) -> float:
        """Return the mean time in the system."""
        return sum(self.times_s) / len(self.times_s)


class MarkovQueue:
    """M/M/1, or M/M/1/K where `places` (the one in service included) is given: one server, first come first served."""

    def __init__(self, simulation: Simulation, *, service_s: float, places: int | None, warm_up_s: float) -> None:
        self._simulation = simulation
        self._service_s = service_s
        self._places = places
        self._warm_up_s = warm_up_s
        self._arrived_at: deque[float] = deque()
        self._changed_at = 0.0
        self.seen = Tally()

    def arrive(self) -> None:
        """Take a customer in, or turn one away."""
        now = self._simulation.now
        warm = now >= self._warm_up_s
        self.seen.arrived += warm
        if self._places is not None and len(self._arrived_at) >= self._places:
            self.seen.refused += warm
            return
        self._integrate(now)
        self._arrived_at.append(now)
        if len(self._arrived_at) == 1:
            self._serve()

    def _serve(self) -> None:
        self._simulation.after(self._simulation.rng.expovariate(1.0 / self._service_s), self._leave)

    def _leave(self) -> None:
        now = self._simulation.now
        self._integrate(now)
        arrived_at = self._arrived_at.popleft()
        if arrived_at >= self._warm_up_s:
            self.seen.times_s.append(now - arrived_at)
        if self._arrived_at:
            self._serve()

    def _integrate(self, now: float) -> None:
        since = max(self._changed_at, self._warm_up_s)
        if now > since:
            self.seen.area += (now - since) * len(self._arrived_at)
        self._changed_at = now


def observe(load: float, *, seed: int, customers: int, places: int | None = None) -> Tally:
    """Run a queue at `load` (arrivals per service time of 1 s) for about `customers` after a warm-up of a tenth."""
    simulation = Simulation(seed)
    seconds = customers / load
    queue = MarkovQueue(simulation, service_s=1.0, places=places, warm_up_s=seconds / 10)
    simulation.arrivals(load, queue.arrive)
    simulation.run(until=seconds * 1.1)
    return queue.seen
