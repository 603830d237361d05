"""What a customer is told of an order, and what becomes of a message that says so.

    read the message -> write the notification, once per event -> tell the streams -> only then let go of the message

Whatever ends the process between two steps, the message comes again, and the event's id says that it was here before.
A message that nobody can read, or that the database refuses whenever it is tried, is set aside with the reason; one
that cannot be written because the database is away is not at fault, and waits.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.common.events import BadEvent, OrderConfirmed, parse


@dataclass(frozen=True, slots=True)
class Notification:
    """What one customer is told. `id` grows in the order in which they were written."""

    id: int
    event_id: uuid.UUID
    order_id: uuid.UUID
    customer: str
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came from the topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that is set aside, and why; `field` is the one that cannot be read, None where the database refuses."""

    message: Message
    reason: str
    field: str | None = None


class EventRefusedError(Exception):
    """The database is there, and refuses this very event."""


class Book(Protocol):
    """The port to what was told."""

    async def tell_once(self, events: Sequence[OrderConfirmed]) -> Sequence[Notification]:
        """Write a notification for each event that has none yet, all or nothing; return those written.

        Raises EventRefusedError where an event cannot be written, DependencyError or Rejected where none can.
        """
        ...

    async def tell(self, event: OrderConfirmed) -> Notification:
        """Write a notification, whether the event was told before or not; raises as tell_once() does."""
        ...

    async def of_customer(self, customer: str, *, after: int, most: int) -> Sequence[Notification]:
        """Return a customer's notifications with larger ids, the oldest first."""
        ...

    async def since(self, after: int, *, most: int) -> Sequence[Notification]:
        """Return everybody's notifications with larger ids, the oldest first."""
        ...

    async def newest(self) -> int:
        """Return the largest id, 0 where nothing was told."""
        ...


def text_of(event: OrderConfirmed) -> str:
    """Return what the customer reads."""
    return f"Your order of {event.quantity} {event.sku} is confirmed: {event.amount_cents / 100:.2f}."


def sorted_out(messages: Iterable[Message]) -> tuple[list[tuple[Message, OrderConfirmed]], list[DeadLetter]]:
    """Return the messages that can be read, each with its event, and the others, each with its reason."""
    good: list[tuple[Message, OrderConfirmed]] = []
    bad: list[DeadLetter] = []
    for message in messages:
        try:
            good.append((message, parse(message.value)))
        except BadEvent as error:
            bad.append(DeadLetter(message, str(error), error.field))
    return good, bad


def next_offsets(messages: Iterable[Message]) -> dict[tuple[str, int], int]:
    """Return, for each partition, the offset from which to go on once these messages are done with."""
    found: dict[tuple[str, int], int] = {}
    for message in messages:
        place = (message.topic, message.partition)
        found[place] = max(found.get(place, 0), message.offset + 1)
    return found
