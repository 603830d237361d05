"""A fault that cannot be made from outside: something holds the event loop, and everything in the process waits.

A consumer whose loop is held for longer than its session is taken for dead by its group, without having failed. Off
unless the lab turned it on.
"""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from resilience import SystemClock
from services.common.faults import LONGEST_MS, LONGEST_TTL_S, refuse_strangers

# Between the answer and the block, so that who asked for it has its answer.
LEAD_S = 0.05


class BlockLoop(BaseModel):
    """What is asked for: the loop is held once, for `block_ms`. `ttl_s` is every fault's; this one ends by itself."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["block_loop"]
    block_ms: Annotated[int, Field(ge=1, le=LONGEST_MS)]
    ttl_s: Annotated[float, Field(gt=0, le=LONGEST_TTL_S)]


class LoopBlocker:
    """Holds the loop when asked. `blocks` counts how often it did."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self.blocks = 0
        self.coming: asyncio.TimerHandle | None = None

    def put(self, fault: BlockLoop) -> None:
        """Hold the loop in a moment, in place of what was to come."""
        self.remove()
        self.coming = asyncio.get_running_loop().call_later(LEAD_S, self._block, fault.block_ms / 1000)

    def remove(self) -> None:
        """Take back what has not begun; what has begun ends by itself."""
        if self.coming is not None:
            self.coming.cancel()
            self.coming = None

    def _block(self, block_s: float) -> None:
        self.blocks += 1
        self._clock.block(block_s)
        self.coming = None


def blocking_router(blocker: LoopBlocker) -> APIRouter:
    """Return the routes through which the lab asks for it; nobody but this machine may."""
    router = APIRouter(include_in_schema=False)

    def state() -> Response:
        return JSONResponse({"fault": {"type": "block_loop"} if blocker.coming else None, "blocks": blocker.blocks})

    @router.get("/faults")
    async def read(request: Request) -> Response:
        refuse_strangers(request)
        return state()

    @router.put("/faults")
    async def put(request: Request, fault: BlockLoop) -> Response:
        refuse_strangers(request)
        blocker.put(fault)
        return state()

    @router.delete("/faults")
    async def delete(request: Request) -> Response:
        refuse_strangers(request)
        blocker.remove()
        return state()

    return router
