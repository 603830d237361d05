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
    a readable header has no deadline; what is no HTTP request (WebSocket, lifespan) passes as it is. Of several headers
    the nearest deadline counts. Not for the edge: a stranger's short deadlines cut calls that are well, and these count
    against who is called. Raises SettingsError.
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
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        now = self._clock.now()
        at = header_deadline(scope, now)
        if at is not None and (at <= now or at - now < self.margin_s):
            self._listener(RequestShed(self.server, ShedReason.DEADLINE))
            await refuse(scope, send, ShedReason.DEADLINE)
            return
        token = deadline_at.set(at)
        try:
            await self.app(scope, receive, send)
        finally:
            restore(token)
