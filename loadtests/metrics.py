"""Every metric of the load generators, for both who send and who draw. Names live here once.

All counters exist with 0 from the start: a rate over a series that appears with its first event would miss that event.
"""

from dataclasses import dataclass
from typing import Literal

LOAD_OFFERED_TOTAL = "load_offered_total"
LOAD_SENT_TOTAL = "load_sent_total"
LOAD_LATE_TOTAL = "load_late_total"
LOAD_SKIPPED_TOTAL = "load_skipped_total"
LOAD_REQUESTS_TOTAL = "load_requests_total"
LOAD_IN_TIME_TOTAL = "load_in_time_total"
LOAD_LATENCY = "load_latency_seconds"
LOAD_IN_FLIGHT = "load_in_flight"
LOAD_USERS = "load_users"

# A request that leaves this much after its intended instant shows the generator's limits, not the service's.
LATE_S = 0.01
OUTCOMES = ("answered", "refused", "failed", "gave_up")
# The grid of the services' histograms, 1 ms x 1.3^n: so that both sides of a call may be drawn on one axis.
LATENCY_BUCKETS_S = tuple(round(0.001 * 1.3**n, 6) for n in range(39))


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `source`, who pushed it, is added by the relay."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    text: str
    labels: tuple[str, ...] = ("arm", "kind")


METRICS = (
    Metric(LOAD_OFFERED_TOTAL, "counter", "Requests that were due, sent or skipped."),
    Metric(LOAD_SENT_TOTAL, "counter", "Requests sent."),
    Metric(LOAD_LATE_TOTAL, "counter", "Requests sent more than 10 ms after their intended instant."),
    Metric(LOAD_SKIPPED_TOTAL, "counter", "Requests not sent, for too many were in flight."),
    Metric(LOAD_REQUESTS_TOTAL, "counter", "Requests that ended, by outcome.", ("arm", "kind", "outcome")),
    Metric(LOAD_IN_TIME_TOTAL, "counter", "Requests answered well and in time."),
    Metric(LOAD_LATENCY, "histogram", "Time from the intended instant, where there is one, to the end, in seconds."),
    Metric(LOAD_IN_FLIGHT, "gauge", "Requests sent and not yet ended.", ("arm",)),
    Metric(LOAD_USERS, "gauge", "Locust's users that are running, by class.", ("user",)),
)
