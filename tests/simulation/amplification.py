"""How many attempts a call becomes, where attempts fail by chance: the sum that retries put on top of an outage."""

from dataclasses import dataclass

from tests.simulation.client import Attempt, Client, Guards, Record
from tests.simulation.engine import Simulation

CALLS_PER_S = 100.0
SECONDS = 300
WARM_UP_S = 20


class Flaky:
    """Answers at once, and fails a share of the attempts by chance."""

    def __init__(self, simulation: Simulation, *, failing: float) -> None:
        self._simulation = simulation
        self.failing = failing

    def take(self, attempt: Attempt) -> None:
        """Answer or fail."""
        if self._simulation.rng.random() < self.failing:
            attempt.client.shed(attempt)
        else:
            attempt.client.answered(attempt)


@dataclass(frozen=True, slots=True)
class Relay:
    """A service that does its work by a call of its own, to whatever lies behind."""

    behind: Client

    def take(self, attempt: Attempt) -> None:
        """Call what lies behind, and tell what became of it."""
        self.behind.call(lambda: attempt.client.answered(attempt), lambda: attempt.client.shed(attempt))


def measure(guards: Guards, *, failing: float, seed: int = 1, fails_from_s: float = 0.0) -> Record:
    """Run calls at a steady rate into a dependency that fails from an instant on."""
    simulation = Simulation(seed)
    dependency = Flaky(simulation, failing=0.0 if fails_from_s else failing)
    client = Client(simulation, dependency, guards, timeout_s=1.0, record=Record(SECONDS))
    simulation.arrivals(CALLS_PER_S, client.call)
    if fails_from_s:
        simulation.at(fails_from_s, setattr, dependency, "failing", failing)
    simulation.run(until=SECONDS)
    return client.record


def attempts_a_call(guards: Guards, *, failing: float) -> float:
    """Return the attempts for each call once the start is over."""
    return measure(guards, failing=failing).amplification(WARM_UP_S, SECONDS)


def through_layers(guards: Guards, *, layers: int) -> float:
    """Return the attempts that reach a dead dependency for each call, with retries in every layer on the way."""
    simulation = Simulation(1)
    dependency = Flaky(simulation, failing=1.0)
    innermost = client = Client(simulation, dependency, guards, timeout_s=1.0, record=Record(SECONDS))
    for _ in range(layers - 1):
        client = Client(simulation, Relay(client), guards, timeout_s=1.0, record=Record(SECONDS))
    simulation.arrivals(1.0, client.call)
    simulation.run(until=SECONDS)
    return sum(innermost.record.attempts) / sum(client.record.calls)
