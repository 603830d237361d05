"""The deadline's way into a service: read from the request, refused at the door where it cannot be met.

Pure ASGI, so it costs no second task a request and works with any framework. A server does not stop a handler whose
caller has given up; without this, all of that work is done for nobody.
"""

from resilience.asgi import App, Receive, Scope, Send, header_deadline, refuse
from resilience.bounds import require
from resilience.clock import Clock
from resilience.deadline import deadline_at, restore
from resilience.events import Listener, RequestShed
from resilience.states import ShedReason


class DeadlineMiddleware:
    """Gives each HTTP request the deadline of its header. Safe for any number of requests at once.

    `server` names this server in events. `margin_s`: seconds, at least 0; about 1.5 times what a request takes. A
    request with less left is answered 503 (problem details, Retry-After: 1) before the app sees it. A request without
    a readable header passes as it is, so does what is no HTTP request (WebSocket, lifespan). Of several headers the
    nearest deadline counts, and none can extend one that is set already. Raises SettingsError.
    """

    def __init__(self, app: App, *, server: str, margin_s: float, clock: Clock, listener: Listener) -> None:
        self.app = app
        self.server = server
        self.margin_s = margin_s
        require(self, "margin_s", at_least=0)
        self._clock = clock
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the server."""
        now = self._clock.now()
        at = header_deadline(scope, now) if scope["type"] == "http" else None
        if at is None:
            await self.app(scope, receive, send)
            return
        inherited = deadline_at.get()
        if inherited is not None:
            at = min(at, inherited)
        left_s = at - now
        if left_s <= 0 or left_s < self.margin_s:
            self._listener(RequestShed(self.server, ShedReason.DEADLINE))
            await refuse(scope, send, ShedReason.DEADLINE)
            return
        token = deadline_at.set(at)
        try:
            await self.app(scope, receive, send)
        finally:
            restore(token)
