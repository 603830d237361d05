"""A metastable failure: an outage of 10 s that goes on for ever, because what the clients do about it keeps it alive.

The example of Bronson and others, "Metastable Failures in Distributed Systems" (HotOS 2021): a database that is good
for 300 requests/s is asked 280 times a second, by callers that give up after 1 s and try again. While it stands still
its queue grows past 1 s; from then on it serves requests whose callers have left, and their retries fill the queue.
"""

from dataclasses import dataclass, field

from resilience.admission_queue import QueueSettings
from tests.simulation.client import Client, Guards, Record
from tests.simulation.engine import Simulation
from tests.simulation.server import UNBOUNDED, QueueServer

SERVICE_PER_S = 300.0
OUTAGE_FROM_S = 60
OUTAGE_S = 10
OUTAGE_ENDS_S = OUTAGE_FROM_S + OUTAGE_S
FULL_S = 400
# What is left at the end is looked at over 35 s, up to 5 s before it: in the full run from 360 to 395 s.
LOOKED_AT_S = 35
LEFT_OUT_S = 5
# It has recovered when for 3 s the answers in time reach 90 % of the calls that are made.
RECOVERED_SHARE = 0.9
RECOVERED_FOR_S = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Who asks how often and gives up when, what guards the calls, and how the server queues."""

    rate_per_s: float = 280.0
    timeout_s: float = 1.0
    guards: Guards = field(default_factory=Guards)
    queue: QueueSettings = UNBOUNDED
    knows_deadlines: bool = False
    outage: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """How it ended: answers in time a second, attempts a call, and seconds from the outage's end to recovery."""

    goodput_per_s: float
    amplification: float
    recovered_after_s: int | None


def run(setup: Setup, *, seed: int, seconds: int) -> Record:
    """Simulate `seconds` of it."""
    simulation = Simulation(seed)
    server = QueueServer(simulation, setup.queue, rate_per_s=SERVICE_PER_S, knows_deadlines=setup.knows_deadlines)
    client = Client(simulation, server, setup.guards, timeout_s=setup.timeout_s, record=Record(seconds))
    simulation.arrivals(setup.rate_per_s, client.call)
    if setup.outage:
        simulation.at(OUTAGE_FROM_S, server.stop)
        simulation.at(OUTAGE_ENDS_S, server.go_on)
    simulation.run(until=seconds)
    return client.record


def recovered_after_s(record: Record, *, rate_per_s: float, seconds: int) -> int | None:
    """Return the seconds from the outage's end to recovery, None where there was none."""
    for second in range(OUTAGE_ENDS_S, seconds - RECOVERED_FOR_S):
        if record.goodput(second, second + RECOVERED_FOR_S) >= RECOVERED_SHARE * rate_per_s:
            return second - OUTAGE_ENDS_S
    return None


def observe(setup: Setup, *, seed: int, seconds: int = FULL_S) -> Seen:
    """Simulate `seconds`, and look at the end of them."""
    record = run(setup, seed=seed, seconds=seconds)
    end = seconds - LEFT_OUT_S
    start = end - LOOKED_AT_S
    return Seen(
        record.goodput(start, end),
        record.amplification(start, end),
        recovered_after_s(record, rate_per_s=setup.rate_per_s, seconds=end),
    )
