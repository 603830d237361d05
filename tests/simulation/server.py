"""A server of exponential service times behind the admission queue of resilience/; it can stop for a while."""

from resilience.admission_queue import AdmissionQueue, Dropped, QueueSettings
from tests.simulation.client import Attempt
from tests.simulation.engine import Simulation

# A queue as most servers have it: nothing is ever refused, and nobody looks at how long anything has waited.
FOR_EVER = 1e9
UNBOUNDED = QueueSettings(max_waiting=int(FOR_EVER), max_wait_s=FOR_EVER)


class QueueServer:
    """One worker. It never stops a request that it has begun, whether or not anybody still waits for the answer."""

    def __init__(
        self, simulation: Simulation, settings: QueueSettings, *, rate_per_s: float, knows_deadlines: bool = False
    ) -> None:
        self._simulation = simulation
        self._queue: AdmissionQueue[Attempt] = AdmissionQueue(settings, limit=1, now=simulation.now)
        self._rate_per_s = rate_per_s
        self._knows_deadlines = knows_deadlines

    @property
    def waiting(self) -> int:
        """Return the length of the queue."""
        return self._queue.waiting

    def take(self, attempt: Attempt) -> None:
        """Take an attempt in, or shed it (or another one) at once."""
        deadline = attempt.deadline_at if self._knows_deadlines else None
        self._shed(self._queue.offer(attempt, self._simulation.now, deadline=deadline))
        self._start()

    def stop(self) -> None:
        """Begin nothing more; what is in flight ends."""
        self._queue.limit = 0

    def go_on(self) -> None:
        """Begin again."""
        self._queue.limit = 1
        self._start()

    def _start(self) -> None:
        attempt, dropped = self._queue.next(self._simulation.now)
        self._shed(dropped)
        if attempt is not None:
            self._simulation.after(self._simulation.rng.expovariate(self._rate_per_s), self._finish, attempt)

    def _finish(self, attempt: Attempt) -> None:
        self._queue.leave()
        attempt.client.answered(attempt)
        self._start()

    def _shed(self, dropped: list[Dropped[Attempt]]) -> None:
        for attempt, _ in dropped:
            attempt.client.shed(attempt)
