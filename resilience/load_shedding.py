"""A server that is asked for more than it can do serves what it can, in time, and refuses the rest at once.

Without this an ASGI server takes everything in: past its capacity every request waits for all before it, the callers
give up, and the work goes on for nobody. Who waits, who is next and who is dropped is decided in
`resilience.admission_queue`; this is the driver, pure ASGI: no task more for a request that does not wait.
"""

import asyncio
import enum
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import lru_cache, partial

from resilience.admission_queue import AdmissionQueue, QueueSettings
from resilience.asgi import App, Inbox, Receive, Scope, Send, header_deadline, refuse, status_of
from resilience.bounds import require_whole
from resilience.clock import Clock
from resilience.concurrency_limit import GradientLimit, GradientSettings
from resilience.deadline import deadline_at, restore
from resilience.events import LimitChanged, Listener, RequestShed, ServerQueueChanged
from resilience.states import ShedReason

_BROKEN = 500
_OVERLOADED = (503, 504)  # an adaptive limit falls by them; another 5xx is a bug, and no reason to serve less


class _End(enum.Enum):  # how a wait ends that does not end in a refusal
    RUN = enum.auto()
    GONE = enum.auto()


_Ticket = asyncio.Future[_End | ShedReason]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheddingSettings(QueueSettings):
    """`max_concurrent`: requests that run at once, at least 1, or an adaptive limit's settings. `believe_deadlines`:
    False at the edge, where a stranger's short deadlines would cut calls that are well and open everybody's breakers.
    """  # noqa: D205 -- two fields, each with a clause

    max_concurrent: int | GradientSettings
    believe_deadlines: bool = True

    def __post_init__(self) -> None:
        QueueSettings.__post_init__(self)
        if not isinstance(self.max_concurrent, GradientSettings):
            require_whole(self, "max_concurrent", at_least=1)


def alike(_scope: Scope) -> int:
    """Return the same priority for every request."""
    return 0


class LoadShedding:
    """Runs, queues and refuses HTTP requests. Safe for any number of requests at once in one event loop.

    `server` names this server in events. `priority` says how important a request is that must wait, a higher number
    more so; it must not trust what anybody can send. The paths in `exempt` (health checks, /metrics) and what is no
    HTTP request pass by. A refusal is a 503 with problem details (RFC 9457) and Retry-After: 1.
    """

    def __init__(
        self,
        app: App,
        *,
        server: str,
        settings: SheddingSettings,
        clock: Clock,
        listener: Listener,
        priority: Callable[[Scope], int] = alike,
        exempt: Container[str] = (),
    ) -> None:
        self.app = app
        self.server = server
        self._settings = settings
        self._clock = clock
        self._listener = listener
        self._priority = priority
        self._exempt = exempt
        self._told = (0, 0)
        self._changed = lru_cache(partial(ServerQueueChanged, server))  # told twice a request, often the same
        self._run = app
        self._gradient: GradientLimit | None = None
        limit, now = settings.max_concurrent, clock.now()
        if isinstance(limit, GradientSettings):
            self._gradient = GradientLimit(limit, now=now)
            self._run, limit = partial(self._measured, self._gradient), limit.initial
            listener(LimitChanged(server, limit))
        self._queue: AdmissionQueue[_Ticket] = AdmissionQueue(settings, limit=limit, now=now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the server."""
        if scope["type"] != "http" or scope["path"] in self._exempt:
            await self.app(scope, receive, send)
            return
        now = self._clock.now()
        deadline = header_deadline(scope, now) if self._settings.believe_deadlines else None
        token = deadline_at.set(deadline)
        try:
            if self._queue.enter(now, deadline):
                await self._in_slot(scope, receive, send)
            else:
                await self._queued(scope, receive, send, deadline, now)
        finally:
            restore(token)

    async def _queued(self, scope: Scope, receive: Receive, send: Send, deadline: float | None, now: float) -> None:
        ticket: _Ticket = asyncio.get_running_loop().create_future()
        for other, reason in self._queue.offer(ticket, now, self._priority(scope), deadline):
            _answer(other, reason)
        inbox = Inbox(receive)
        try:
            end = ticket.result() if ticket.done() else await self._wait(ticket, inbox, deadline, now)
            if end is _End.RUN:
                await self._in_slot(scope, inbox.receive, send)
            elif isinstance(end, ShedReason):
                self._listener(RequestShed(self.server, end))
                await refuse(scope, send, end)
        finally:
            inbox.close()

    async def _in_slot(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._tell()
            await self._run(scope, receive, send)
        finally:
            self._leave()

    async def _wait(self, ticket: _Ticket, inbox: Inbox, deadline: float | None, now: float) -> _End | ShedReason:
        """Return how the wait ended; RUN holds a slot. A cancelled wait keeps neither place nor slot."""
        wait_s, reason = self._settings.max_wait_s, ShedReason.SLOW
        if deadline is not None and deadline - self._settings.margin_s - now < wait_s:
            wait_s, reason = deadline - self._settings.margin_s - now, ShedReason.DEADLINE
        timer = asyncio.get_running_loop().call_later(wait_s, self._give_up, ticket, reason)
        try:
            inbox.listen(partial(self._give_up, ticket, _End.GONE))
            self._tell()
            return await ticket
        except BaseException:
            if self._queue.withdraw(ticket):
                self._tell()
            elif not ticket.cancelled() and ticket.result() is _End.RUN:
                # The slot was handed over in the very turn of the cancellation: it goes on to the next.
                self._leave()
            raise
        finally:
            timer.cancel()
            inbox.stop()

    def _give_up(self, ticket: _Ticket, end: _End | ShedReason) -> None:
        if self._queue.withdraw(ticket):
            _answer(ticket, end)
            self._tell()

    def _leave(self) -> None:
        """Give the slot back, and every free slot to whose turn it is."""
        queue = self._queue
        queue.leave()
        before = queue.limit
        queue.limit = before if self._gradient is None else self._gradient.limit
        while queue.waiting:
            ticket, dropped = queue.next(self._clock.now())
            for other, reason in dropped:
                _answer(other, reason)
            if ticket is None:
                break
            if not _answer(ticket, _End.RUN):
                queue.leave()
        if queue.limit != before:  # told last: one that raises must not leave who waits without anybody to wake them
            self._listener(LimitChanged(self.server, queue.limit))
        self._tell()

    def _tell(self) -> None:
        now_so = (self._queue.in_flight, self._queue.waiting)
        if now_so != self._told:
            self._told = now_so
            self._listener(self._changed(*now_so))

    async def _measured(self, gradient: GradientLimit, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app and let the adaptive limit learn from it; a request that breaks off says nothing."""
        began = self._clock.now()
        try:
            status = await status_of(self.app, scope, receive, send)
        except TimeoutError:
            gradient.dropped(self._clock.now())
            raise
        now = self._clock.now()
        if status in _OVERLOADED:
            gradient.dropped(now)
        elif status and status < _BROKEN:
            gradient.sample(now - began, self._queue.in_flight, now)


def _answer(ticket: _Ticket, end: _End | ShedReason) -> bool:
    """End a wait; False where it has ended already: the request was cancelled, and does not know it yet."""
    if ticket.done():
        return False
    ticket.set_result(end)
    return True
