"""The one polling wait of this room: the end of a process that is not our child sets no event."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool], poll_s: float, timeout_s: float) -> bool:
    """Wait until `condition` holds, asking every `poll_s`; return False where `timeout_s` passed first."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110 - see the module's docstring
                await asyncio.sleep(poll_s)
    except TimeoutError:
        return condition()
    return True
