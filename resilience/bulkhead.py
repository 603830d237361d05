"""A bulkhead: one dependency may hold only so many of our calls, so that it cannot sink the rest of the service.

What does not fit waits, in a queue with a length and a time: a queue without bounds only turns a refusal now into a
timeout later. Nobody waits past the deadline of the call, either: a slot would be of no use then.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Generic, TypeVar

from resilience.bounds import require, require_whole
from resilience.clock import Clock
from resilience.deadline import cut_s
from resilience.errors import BulkheadFull
from resilience.events import BulkheadChanged, Listener, Refused

T = TypeVar("T")
Ticket = TypeVar("Ticket")


@dataclass(frozen=True, slots=True)
class BulkheadSettings:
    """`max_concurrent`: calls in flight, at least 1. `max_waiting`: calls in the queue, at least 0.

    `max_wait_s`: seconds a call waits for its slot, at least 0; more than 0 where there is a queue. Where the deadline
    of the call (resilience.deadline) leaves less than that, it waits no longer than that leaves.
    """

    max_concurrent: int
    max_waiting: int
    max_wait_s: float

    def __post_init__(self) -> None:
        require_whole(self, "max_concurrent", at_least=1)
        require_whole(self, "max_waiting", at_least=0)
        require(self, "max_wait_s", at_least=0)
        if self.max_waiting:
            require(self, "max_wait_s", above=0)


class Gate(Generic[Ticket]):
    """Counts slots and keeps the queue, without effects. A slot that is left goes straight to the longest waiting."""

    __slots__ = ("_queue", "_settings", "in_flight")

    def __init__(self, settings: BulkheadSettings) -> None:
        self._settings = settings
        self._queue: deque[Ticket] = deque()
        self.in_flight = 0

    @property
    def waiting(self) -> int:
        """Return the length of the queue."""
        return len(self._queue)

    def enter(self) -> bool:
        """Take a slot if one is free. Then the queue is empty: nobody is overtaken."""
        if self.in_flight >= self._settings.max_concurrent:
            return False
        self.in_flight += 1
        return True

    def join(self, ticket: Ticket) -> bool:
        """Go to the end of the queue, unless it is full."""
        if len(self._queue) >= self._settings.max_waiting:
            return False
        self._queue.append(ticket)
        return True

    def withdraw(self, ticket: Ticket) -> bool:
        """Leave the queue; False where the ticket is not in it (any more)."""
        try:
            self._queue.remove(ticket)
        except ValueError:
            return False
        return True

    def leave(self) -> Ticket | None:
        """Give a slot back; returns the ticket it now belongs to, None where nobody waits."""
        if self._queue:
            return self._queue.popleft()
        self.in_flight -= 1
        return None


class Bulkhead:
    """Guards calls with a Gate. Safe for any number of calls at once in one event loop."""

    def __init__(self, link: str, settings: BulkheadSettings, *, clock: Clock, listener: Listener) -> None:
        self.link = link
        self._clock = clock
        self._settings = settings
        # A ticket resolves to True when a slot is handed over, to False when the wait is over.
        self._gate: Gate[asyncio.Future[bool]] = Gate(settings)
        # Told twice a call, and the same few numbers come again and again.
        self._changed = lru_cache(partial(BulkheadChanged, link))
        self._listener = listener

    @property
    def in_flight(self) -> int:
        """Return how many calls hold a slot."""
        return self._gate.in_flight

    @property
    def waiting(self) -> int:
        """Return how many calls wait for a slot."""
        return self._gate.waiting

    async def call(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Await `operation()` in a slot; raises BulkheadFull where there is none, or none in time."""
        if not self._gate.enter():
            await self._queue()
        try:
            self._tell()
            return await operation()
        finally:
            self._leave()

    async def _queue(self) -> None:
        """Return with a slot; raises BulkheadFull. A cancelled wait keeps neither place nor slot."""
        settings = self._settings
        loop = asyncio.get_running_loop()
        ticket: asyncio.Future[bool] = loop.create_future()
        if not self._gate.join(ticket):
            raise self._refusal(f"{settings.max_concurrent} calls in flight and {settings.max_waiting} waiting")
        wait_s = cut_s(settings.max_wait_s, self._clock.now())
        timer = loop.call_later(wait_s, self._expire, ticket)
        try:
            self._tell()
            handed = await ticket
        except BaseException:
            if self._gate.withdraw(ticket):
                self._tell()
            elif not ticket.cancelled() and ticket.result():
                # The slot was handed over in the very turn of the cancellation: it goes on to the next.
                self._leave()
            raise
        finally:
            timer.cancel()
        if not handed:
            raise self._refusal(f"no slot became free within {wait_s:.3g} s")

    def _expire(self, ticket: asyncio.Future[bool]) -> None:
        if self._gate.withdraw(ticket):
            if not ticket.done():
                ticket.set_result(False)
            self._tell()

    def _leave(self) -> None:
        ticket = self._gate.leave()
        # A ticket that is done belongs to a waiter whose cancellation is on its way: the slot goes on to the next.
        while ticket is not None and ticket.done():
            ticket = self._gate.leave()
        if ticket is not None:
            ticket.set_result(True)
        self._tell()

    def _tell(self) -> None:
        self._listener(self._changed(self._gate.in_flight, self._gate.waiting))

    def _refusal(self, why: str) -> BulkheadFull:
        self._listener(Refused(self.link, "bulkhead", None))
        return BulkheadFull(self.link, why)
