"""What a policy at a server's door needs of ASGI: its words, the deadline's header, the refusal, the client's going.

Whether the client of a waiting request goes away, a server tells through `receive`, and nobody calls that before the
app runs. The Inbox listens in the meantime, and hands on what it heard, so that the app finds its request untouched.
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from resilience.deadline import HEADER, parse_deadline
from resilience.states import ShedReason

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_DEADLINE = HEADER.encode("ascii")
_FIXED = "resilience.deadline_at"
_DETAILS = {
    ShedReason.FULL: "the server is at its limit and its queue is full",
    ShedReason.EVICTED: "a request of higher priority took the place in the queue",
    ShedReason.SLOW: "the request waited too long in the queue",
    ShedReason.DEADLINE: "too little of the caller's time was left to begin",
}


def header_deadline(scope: Scope, now: float) -> float | None:
    """Return the instant of the nearest deadline that a request's headers set; ASGI has their names in lower case.

    The first door that asks fixes it for those behind it, or a wait between them would be given back. It lies in the
    scope: a server's tasks may inherit the context of another request of the same connection, so what stands in
    `deadline_at` at a door can be a stranger's.
    """
    if _FIXED in scope:
        fixed: float | None = scope[_FIXED]
        return fixed
    nearest_s = None
    for name, value in scope["headers"]:
        if name == _DEADLINE:
            left_s = parse_deadline(value.decode("latin-1"))
            if left_s is not None:
                nearest_s = left_s if nearest_s is None else min(nearest_s, left_s)
    at = scope[_FIXED] = None if nearest_s is None else now + nearest_s
    return at


async def refuse(scope: Scope, send: Send, reason: ShedReason) -> None:
    """Answer a request that is not begun: 503 with problem details (RFC 9457), to be tried again after a second."""
    problem = {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": _DETAILS[reason],
        "instance": quote(scope["path"]),
    }
    body = json.dumps(problem).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", b"1"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def status_of(app: App, scope: Scope, receive: Receive, send: Send) -> int:
    """Run the app; return the status that it answered with, 0 where it did not answer."""
    status = 0

    async def noting(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        await send(message)

    await app(scope, receive, noting)
    return status


class Inbox:
    """Listens to one client, which costs a task, and is then the `receive` of the app."""

    __slots__ = ("_gone", "_heard", "_next", "_receive")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._heard: deque[Message] = deque()
        self._next: asyncio.Future[Message] | None = None
        self._gone: Callable[[], object] | None = None

    def listen(self, gone: Callable[[], object]) -> None:
        """Call `gone` when the client goes away."""
        self._gone = gone
        self._next = asyncio.ensure_future(self._receive())
        self._next.add_done_callback(self._hear)

    def stop(self) -> None:
        """Listen no more: what comes from here on is the app's to hear."""
        self._gone = None

    async def receive(self) -> Message:
        """Return the next message, heard already or to come; raises what the server's `receive` raises."""
        if self._heard:
            return self._heard.popleft()
        pending, self._next = self._next, None
        return await (self._receive() if pending is None else pending)

    def close(self) -> None:
        """End what still listens: the request is over."""
        if self._next is not None:
            self._next.cancel()

    def _hear(self, heard: asyncio.Future[Message]) -> None:
        # An error is the app's to see, or nobody's; asking for it here keeps asyncio from reporting it as lost.
        if heard.cancelled() or heard.exception() is not None or self._gone is None:
            return
        message = heard.result()
        if message["type"] == "http.disconnect":
            self._gone()
        elif not message.get("more_body"):
            self._heard.append(message)
            self.listen(self._gone)
        # Of a body in pieces only the first is read ahead: a queue must not hold bodies.
