"""An end for a client that takes nothing: the line is cut.

A server closes a line politely, once the client has taken all that waits for it. A client that neither reads nor leaves
keeps its socket and the full buffer behind it for ever, long after its stream was dropped. ASGI has no word for cutting
a line, so the server's own transport is asked; where there is none, nothing happens.
"""

import asyncio

from starlette.types import Receive


async def cut_off(receive: Receive) -> None:
    """Cut the line that a request came on; `receive` is the request's, as the server gave it."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    abort = getattr(transport, "abort", None)
    if abort is not None:
        abort()
        # The server learns that the line is gone before the application ends, and so does not miss its answer.
        await asyncio.sleep(0)
