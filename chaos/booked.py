"""What the ledger says of one arm: part of run.json. `chaos.judging.ledger` decides what the words mean for a run."""

from chaos.scenario.base import Model


class Delay(Model):
    """How long customers waited to be told: milliseconds from the event's row in the outbox to the notification's.

    Of the first notification of each of `n` acknowledged orders; p50_ms and p99_ms are quantiles.
    """

    n: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class EventBooks(Model):
    """What was told of the acknowledged orders behind the shop: in the topic, and to the customers.

    published: the topic holds an event of it; unpublished: it holds none. notified: the customer has a notification of
    it; missing: has none. doubled: orders of this run with more than one notification. repeated: of those, the topic
    holds an event more than once, which "at least once" allows. unreadable: messages that are no event. waiting: rows
    of the outbox that nobody has published. delay: None where nobody was notified.
    """

    published: int
    unpublished: int
    repeated: int
    unreadable: int
    waiting: int
    notified: int
    missing: int
    doubled: int
    delay: Delay | None = None


class ArmLedger(Model):
    """What customers were told, held against what the databases and the bank say afterwards.

    lost: acknowledged, but no confirmed order or no charge is there. doubled: two orders for one key, there or told to
    the customer who repeated it, or two charges for one order, in payments or at the bank. ambiguous: not acknowledged
    (refused, failed, gave up), yet there is a confirmed order. unsettled: not acknowledged, money taken, and no
    confirmed order. events: None where the run did not need the part `events`. named: by figure, the first of the
    orders (of the keys, where a key has more than one) that it counts.
    """

    acknowledged: int
    orders_found: int
    orders_lost: int
    orders_doubled: int
    charges_found: int
    charges_lost: int
    charges_doubled: int
    ambiguous: int
    unsettled: int
    events: EventBooks | None = None
    named: dict[str, tuple[str, ...]] = {}  # noqa: RUF012 - pydantic gives each value its own
