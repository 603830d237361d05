"""Who may run now, who waits, who is sent away: the decisions of a load shedder, without effects.

A server that takes everything in serves nobody in time: past its capacity each request waits for all before it, and
its caller has given up when its turn comes. This queue is bounded in number and in time, and it chooses. It knows no
event loop: `resilience.load_shedding` drives it on a server, a simulation may drive it on a number for a clock.

    queue = AdmissionQueue(settings, limit=8, now=0.0)      a Ticket is anything hashable, and is offered once
    dropped = queue.offer(ticket, now, priority, deadline)  a request comes; `dropped` may hold the ticket itself
    ticket, dropped = queue.next(now)                       the one whose turn it is takes a free slot; None: nobody
    queue.leave()                                           a request with a slot ended; then ask next()
    queue.enter(now, deadline)                              offer() and next() in one, for when nobody has to wait
    queue.withdraw(ticket)                                  a waiting caller went away
    queue.limit = 9                                         an adaptive limit moved; then ask next()

Each `dropped` is a list of Dropped(ticket, reason): these requests are over, the caller of the method refuses them.
Higher `priority` is served first; `deadline` is an instant on the caller's clock. In flight <= limit whenever a slot is
given, waiting <= max_waiting, and each ticket comes back exactly once: by next(), in a `dropped`, or by withdraw().
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

from resilience.bounds import require, require_whole
from resilience.codel import CoDel, CoDelSettings
from resilience.errors import SettingsError
from resilience.states import ShedReason

Ticket = TypeVar("Ticket")
Order = Literal["fifo", "lifo", "adaptive"]
ORDERS: tuple[Order, ...] = ("fifo", "lifo", "adaptive")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """How many wait, how long, and who is next.

    `max_waiting`: requests in the queue, at least 0. `max_wait_s`: seconds a request waits at most, more than 0.
    `order`: within a priority, the first come first ("fifo"), the last come first ("lifo"), or "adaptive": fifo, but
    lifo while CoDel says the queue stands or more than `lifo_share` (0 to 1) of the places are taken.
    `codel`: None for no CoDel. `margin_s`: seconds, at least 0; a request with less than that to its deadline is
    dropped instead of begun. It should be 1.5 service times: with 0, the queue serves who has just enough left to fail.
    """

    max_waiting: int
    max_wait_s: float
    order: Order = "fifo"
    codel: CoDelSettings | None = None
    margin_s: float = 0.0
    lifo_share: float = 0.5

    def __post_init__(self) -> None:
        require_whole(self, "max_waiting", at_least=0)
        require(self, "max_wait_s", above=0)
        if self.order not in ORDERS:
            raise SettingsError(f"{type(self).__name__}.order must be one of {', '.join(ORDERS)}, got {self.order!r}")
        require(self, "margin_s", at_least=0)
        require(self, "lifo_share", at_least=0, at_most=1)


class Dropped(NamedTuple, Generic[Ticket]):
    """A request that is over before it began."""

    ticket: Ticket
    reason: ShedReason


class Place(NamedTuple):
    """A place in the queue."""

    came_at: float
    priority: int
    deadline: float | None


class AdmissionQueue(Generic[Ticket]):
    """Slots and the queue for them. Every method takes the time of a few dictionary operations."""

    __slots__ = ("_classes", "_codel", "_places", "_settings", "in_flight", "limit")

    def __init__(self, settings: QueueSettings, *, limit: int, now: float) -> None:
        self.limit = limit
        self.in_flight = 0
        self._settings = settings
        self._codel = CoDel(settings.codel, now=now) if settings.codel is not None else None
        # Ordered dictionaries: who came first, who came last and who goes away are each found at once.
        self._places: OrderedDict[Ticket, Place] = OrderedDict()
        self._classes: dict[int, OrderedDict[Ticket, None]] = {}

    @property
    def waiting(self) -> int:
        """Return how many wait."""
        return len(self._places)

    @property
    def last_first(self) -> bool:
        """Return whether, within a priority, the last come is served first just now."""
        order = self._settings.order
        if order != "adaptive":
            return order == "lifo"
        if self._codel is not None and self._codel.overloaded:
            return True
        return len(self._places) > self._settings.lifo_share * self._settings.max_waiting

    def enter(self, now: float, deadline: float | None = None) -> bool:
        """Take a free slot at once; False where there is none, others wait for it, or the deadline is too near."""
        if self.in_flight >= self.limit or self._places or self._too_late(deadline, now):
            return False
        if self._codel is not None:
            self._codel.empty()
        self.in_flight += 1
        return True

    def offer(
        self, ticket: Ticket, now: float, priority: int = 0, deadline: float | None = None
    ) -> list[Dropped[Ticket]]:
        """Let a request wait; return who is dropped for it: nobody, itself, or who would have been served last."""
        if self._too_late(deadline, now):
            return [Dropped(ticket, ShedReason.DEADLINE)]
        dropped: list[Dropped[Ticket]] = []
        # Who waits for a slot that is free takes nobody's place.
        room = self._settings.max_waiting + max(0, self.limit - self.in_flight)
        if len(self._places) >= room:
            self._drop_expired(now, dropped)
        last_first = self.last_first
        self._places[ticket] = Place(now, priority, deadline)
        self._classes.setdefault(priority, OrderedDict())[ticket] = None
        if len(self._places) > room:
            lowest = min(self._classes)
            reason = ShedReason.EVICTED if lowest < priority else ShedReason.FULL
            # First come first served means that the last come is served last, and the other way round.
            served_last = next(iter(self._classes[lowest]) if last_first else reversed(self._classes[lowest]))
            self._drop(served_last, reason, dropped)
        return dropped

    def next(self, now: float) -> tuple[Ticket | None, list[Dropped[Ticket]]]:
        """Take a slot for the one whose turn it is; return it, None where nobody may start, and who was dropped."""
        dropped: list[Dropped[Ticket]] = []
        if self.in_flight >= self.limit:
            return None, dropped
        self._drop_slow(now, dropped)
        while self._places:
            waiting = self._classes[max(self._classes)]
            ticket = next(reversed(waiting) if self.last_first else iter(waiting))
            if not self._too_late(self._places[ticket].deadline, now):
                self.withdraw(ticket)
                self.in_flight += 1
                return ticket, dropped
            self._drop(ticket, ShedReason.DEADLINE, dropped)
        return None, dropped

    def leave(self) -> None:
        """Give a slot back."""
        self.in_flight -= 1

    def withdraw(self, ticket: Ticket) -> bool:
        """Leave the queue; False where the ticket is not in it (any more)."""
        place = self._places.pop(ticket, None)
        if place is None:
            return False
        waiting = self._classes[place.priority]
        del waiting[ticket]
        if not waiting:
            del self._classes[place.priority]
        return True

    def _too_late(self, deadline: float | None, now: float) -> bool:
        return deadline is not None and (deadline <= now or deadline - now < self._settings.margin_s)

    def _drop(self, ticket: Ticket, reason: ShedReason, dropped: list[Dropped[Ticket]]) -> None:
        self.withdraw(ticket)
        dropped.append(Dropped(ticket, reason))

    def _drop_expired(self, now: float, dropped: list[Dropped[Ticket]]) -> None:
        while self._places:
            ticket, place = next(iter(self._places.items()))
            if now - place.came_at <= self._settings.max_wait_s:
                return
            self._drop(ticket, ShedReason.SLOW, dropped)

    def _drop_slow(self, now: float, dropped: list[Dropped[Ticket]]) -> None:
        self._drop_expired(now, dropped)
        codel = self._codel
        # The age of the oldest, whoever is served: where the last come is next, its own delay would say all is well.
        while codel is not None and self._places:
            ticket, place = next(iter(self._places.items()))
            if not codel.drop(now - place.came_at, now):
                return
            self._drop(ticket, ShedReason.SLOW, dropped)
