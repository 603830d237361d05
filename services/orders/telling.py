"""How an order is told of: through the outbox and its relay, or in the request, as most do first.

In the request are two writes without a transaction around them. Killed between the two, or with the broker away, the
order stands and nobody hears of it; and the customer, who is charged, is told an error. Kept for the arms that show it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from resilience.profiles import Publishing
from services.common.errors import DependencyError
from services.common.event_metrics import OutboxUse, make_outbox_use
from services.common.events import OrderConfirmed, dump
from services.common.kafka_producer import Producer
from services.common.kit import Kit
from services.common.scheduled import Scheduler
from services.orders.outbox import PostgresOutbox, Row
from services.orders.relay import Events, Relay
from services.orders.relay_core import Pace, PaceSettings

# For the relay's batch; what is cut off then is published again after the next start.
CLOSE_RELAY_S = 0.1
# What is done with an event once its order is committed, by the process that has settled it.
Tell = Callable[[OrderConfirmed], Awaitable[None]]
# Notes that an event is published; returns how many seconds it had waited for that, None where it was noted before.
Published = Callable[[OrderConfirmed], Awaitable[float | None]]


class DualWrite:
    """Tells of an order in its own request; `published` notes it in the outbox, where every arm keeps its books."""

    def __init__(self, events: Events, use: OutboxUse, published: Published) -> None:
        self._events = events
        self._use = use
        self._published = published

    async def tell(self, event: OrderConfirmed) -> None:
        """Publish; raises what publishing raises."""
        try:
            await self._events.publish([Row(0, str(event.order_id), dump(event))])
        except BaseException as exc:
            self._use.fail(exc)
            raise
        self._use.published += 1
        if (waited_s := await self._published(event)) is not None:
            self._use.delays.observe(waited_s)


class Background:
    """What works behind the requests: owns the relay, the producer and the scheduler."""

    def __init__(self, relay: Relay, producer: Producer | None) -> None:
        self._relay = relay
        self._producer = producer
        self._opening: asyncio.Task[None] | None = None
        self.scheduler: Scheduler | None = None

    def start(self) -> None:
        """Begin, on the running loop; nobody waits for a broker here."""
        if self._producer is not None:
            self._opening = asyncio.create_task(self._open(self._producer), name="opening the producer")
        self._relay.start()
        if self.scheduler is not None:
            self.scheduler.start()

    async def close(self) -> None:
        """End all, first who uses the others."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        await self._relay.close(within_s=CLOSE_RELAY_S)
        if self.scheduler is not None:
            await self.scheduler.close()
        if self._producer is not None:
            await self._producer.close(within_s=0.0)

    async def _open(self, producer: Producer) -> None:
        """Connect before the first event is there; one that is not there now is connected to when it is needed."""
        with contextlib.suppress(DependencyError):
            await producer.open()


def make_telling(
    publishing: Publishing, events: Events | None, url: str, published: Published, kit: Kit
) -> tuple[Relay, Tell | None]:
    """Return the relay, which in every arm counts what waits, and what is done with an event.

    Without `events` nobody publishes. `url` is the database's; `published` notes what was published in the request.
    """
    use = make_outbox_use(kit)
    relay = Relay(
        PostgresOutbox(url),
        events if publishing == "outbox" else None,
        Pace(PaceSettings(), kit.rng),
        use,
        clock=kit.clock,
        tell=kit.tell,
    )
    if publishing == "outbox":
        return relay, relay.wake
    return relay, None if events is None else DualWrite(events, use, published).tell
