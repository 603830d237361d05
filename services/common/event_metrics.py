"""How the outbox and the consumer stand, kept by whoever works on them and read when somebody asks."""

import asyncio
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily

from resilience import Rejected
from resilience.metrics_histogram import DurationHistogram, Durations
from services.common import metrics as m
from services.common.collectors import AtScrape, ByLabel, Counted
from services.common.errors import DependencyError
from services.common.kit import Kit

# Why an attempt to publish fails: who was not there, a policy that refused, a customer who is gone, or else.
REASONS = ("kafka", "database", "refused", "timeout", "abandoned", "other")
# Why a message is set aside: no JSON object, an event of another kind or version, a field, or the database's no.
CAUSES = ("unreadable", "type", "version", "field", "refused")
# 5 ms x 1.4^n to 121 s: an event may wait for a broker longer than any call for its answer.
DELAY_BUCKETS_S = tuple(round(0.005 * 1.4**n, 6) for n in range(31))


def reason_of(error: BaseException) -> str:
    """Return which of REASONS an error is."""
    if isinstance(error, Rejected):
        return "refused"
    if isinstance(error, asyncio.CancelledError):
        return "abandoned"
    if isinstance(error, DependencyError) and error.dependency in REASONS:
        return error.dependency
    return "timeout" if isinstance(error, TimeoutError) else "other"


def cause_of(field_: str) -> str:
    """Return which of CAUSES it is that this field of a message cannot be read."""
    return "unreadable" if field_ == "message" else field_ if field_ in CAUSES else "field"


def _delays() -> DurationHistogram:
    return DurationHistogram(DELAY_BUCKETS_S)


@dataclass(slots=True)
class OutboxUse:
    """How an outbox stands: events that wait and the age of the oldest in seconds; published, and attempts that failed.

    The counters are this process's, what waits is the table's. `delays` go from an order's commit to the broker's yes.
    """

    waiting: int = 0
    oldest_s: float = 0.0
    published: int = 0
    failed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    delays: DurationHistogram = field(default_factory=_delays)

    def fail(self, error: BaseException) -> None:
        """Count an attempt that failed."""
        self.failed[reason_of(error)] += 1


@dataclass(slots=True)
class ConsumerUse:
    """How a consumer stands: whether it is in its group, and how many messages it has still to take.

    `joins`: how often the group gave it its share. `repeated`: events that came again and changed nothing. The counters
    are this process's. `delays` go from an order's settlement to its notification.
    """

    joined: bool = False
    lag: int = 0
    joins: int = 0
    consumed: int = 0
    repeated: int = 0
    set_aside: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CAUSES, 0))
    delays: DurationHistogram = field(default_factory=_delays)


def make_outbox_use(kit: Kit) -> OutboxUse:
    """Return what is exposed of an outbox, for whoever works on it to keep."""
    labels = {"service": kit.service, "arm": kit.arm}
    use = OutboxUse(
        delays=_exposed(kit, m.OUTBOX_DELAY, "Time from an order's commit to the broker's yes, in seconds.")
    )
    kit.registry.register(
        AtScrape(
            labels,
            lambda: {
                m.OUTBOX_UNPUBLISHED: ("Events in the outbox that wait to be published.", use.waiting),
                m.OUTBOX_OLDEST: ("How long the oldest of them has waited, in seconds.", use.oldest_s),
            },
        )
    )
    text = "Events that the broker has acknowledged."
    kit.registry.register(Counted(labels, m.OUTBOX_PUBLISHED_TOTAL, text, lambda: use.published))
    text = "Attempts to publish that failed, by what they failed at."
    failed = CounterMetricFamily, m.OUTBOX_PUBLISH_FAILURES_TOTAL, text, lambda: use.failed
    kit.registry.register(ByLabel(labels, "reason", failed))
    return use


def make_consumer_use(kit: Kit) -> ConsumerUse:
    """Return what is exposed of a consumer, for whoever consumes to keep."""
    labels = {"service": kit.service, "arm": kit.arm}
    use = ConsumerUse(delays=_exposed(kit, m.CONSUMER_DELAY, "Time from an order to its notification, in seconds."))

    def gauges() -> dict[str, tuple[str, float]]:
        found: dict[str, tuple[str, float]] = {m.CONSUMER_JOINED: ("1 while the consumer is in its group.", use.joined)}
        # Who is not in the group does not know how much waits there.
        return found | ({m.CONSUMER_LAG: ("Messages that it has still to take.", use.lag)} if use.joined else {})

    kit.registry.register(AtScrape(labels, gauges))
    for name, text, read in (
        (m.CONSUMER_JOINS_TOTAL, "Times that the group has given it its share.", lambda: use.joins),
        (m.CONSUMER_CONSUMED_TOTAL, "Messages taken.", lambda: use.consumed),
        (m.CONSUMER_REPEATED_TOTAL, "Events that came again and changed nothing.", lambda: use.repeated),
    ):
        kit.registry.register(Counted(labels, name, text, read))
    text = "Messages set aside, by what is wrong with them."
    set_aside = CounterMetricFamily, m.CONSUMER_DEAD_LETTERED_TOTAL, text, lambda: use.set_aside
    kit.registry.register(ByLabel(labels, "reason", set_aside))
    return use


def _exposed(kit: Kit, name: str, text: str) -> DurationHistogram:
    durations = Durations(name, text, ("service", "arm"), DELAY_BUCKETS_S)
    kit.registry.register(durations)
    return durations.of((kit.service, kit.arm))
