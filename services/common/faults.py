"""A fault that cannot be made from outside: a handler's call that takes its time. Off unless the lab turned it on.

`slow_call`: while it is in force, each request of a wrapped handler makes one slow call first, in the way its kind of
handler makes calls. It ends by itself after `ttl_s`, so a lab that dies leaves no service slow. The business code knows
nothing of it: handlers are wrapped where they are put into the router.
"""

import functools
import ipaddress
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from resilience import SystemClock
from services.common.problems import ProblemError

Kind = Literal["async", "def", "blocking"]
# Longer, and a request of it would outlast every patience.
LONGEST_MS = 60_000
LONGEST_TTL_S = 3_600


class SlowCall(BaseModel):
    """What is asked for: each call takes `call_ms`, and the whole ends after `ttl_s` at the latest."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["slow_call"]
    call_ms: Annotated[int, Field(ge=1, le=LONGEST_MS)]
    ttl_s: Annotated[float, Field(gt=0, le=LONGEST_TTL_S)]


class FaultSwitch:
    """What is in force in this process. `slow_calls` counts the slow calls that were made."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._fault: SlowCall | None = None
        self._ends_s = 0.0
        self.slow_calls = 0

    def put(self, fault: SlowCall) -> None:
        """Put a fault in force, in place of what was."""
        self._fault, self._ends_s = fault, self._clock.now() + fault.ttl_s

    def remove(self) -> None:
        """Take out what is in force, if anything."""
        self._fault = None

    def in_force(self) -> SlowCall | None:
        """Return what is in force."""
        if self._fault is not None and self._clock.now() >= self._ends_s:
            self._fault = None
        return self._fault

    def wrapped(self, handler: Callable[..., Any], kind: Kind) -> Callable[..., Any]:
        """Return the handler with its slow call before it, made as handlers of this kind make calls."""
        if kind == "async":

            @functools.wraps(handler)
            async def awaiting(*arguments: Any, **named: Any) -> Any:
                if (call_s := self._next_s()) > 0:
                    await self._clock.sleep(call_s)
                return await handler(*arguments, **named)

            return awaiting
        if kind == "def":

            @functools.wraps(handler)
            def in_thread(*arguments: Any, **named: Any) -> Any:
                self._block()
                return handler(*arguments, **named)

            return in_thread

        @functools.wraps(handler)
        async def in_loop(*arguments: Any, **named: Any) -> Any:
            self._block()
            return await handler(*arguments, **named)

        return in_loop

    def _block(self) -> None:
        if (call_s := self._next_s()) > 0:
            self._clock.block(call_s)

    def _next_s(self) -> float:
        """Return how long the call of this request takes, in seconds; 0 for none."""
        fault = self.in_force()
        if fault is None:
            return 0.0
        self.slow_calls += 1
        return fault.call_ms / 1000


def fault_router(switch: FaultSwitch) -> APIRouter:
    """Return the routes through which the lab turns faults on and off; nobody but this machine may."""
    router = APIRouter(include_in_schema=False)

    def state() -> Response:
        fault = switch.in_force()
        return JSONResponse({"fault": fault.model_dump() if fault else None, "slow_calls": switch.slow_calls})

    @router.get("/faults")
    async def read(request: Request) -> Response:
        refuse_strangers(request)
        return state()

    @router.put("/faults")
    async def put(request: Request, fault: SlowCall) -> Response:
        refuse_strangers(request)
        switch.put(fault)
        return state()

    @router.delete("/faults")
    async def delete(request: Request) -> Response:
        refuse_strangers(request)
        switch.remove()
        return state()

    return router


def refuse_strangers(request: Request) -> None:
    """Raise ProblemError for whoever is neither on this machine nor on a private network, as a container's is."""
    host = request.client.host if request.client else ""
    try:
        near = ipaddress.ip_address(host).is_private
    except ValueError:
        near = False
    if not near:
        raise ProblemError(403, "not-from-here", "faults are turned on from this machine only")
